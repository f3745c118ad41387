import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests, and returns each answer as it came.
///
/// It follows no redirect, because a redirect would take the JWT to another server. It gives no password to a server that
/// asks for one. It stores nothing, and sends no cookie. The delegate belongs to the session, because on Linux `URLSession`
/// follows redirects even if a delegate of the task forbids them.
final class Exchange: Sendable {
    /// In bytes. The service sends no longer answer.
    static let longestAnswer = 1 << 20

    private let session: URLSession
    private let answers: Answers

    init() {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.httpCookieStorage = nil
        configuration.httpShouldSetCookies = false
        configuration.urlCredentialStorage = nil
        answers = Answers()
        session = URLSession(configuration: configuration, delegate: answers, delegateQueue: nil)
    }

    // The session holds its delegate until it is ended.
    deinit { session.invalidateAndCancel() }

    /// - Throws: What `URLSession` throws, a `TokenError` if the answer does not come from the service, or `CancellationError`.
    func answer(to request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        // A task that is already cancelled sends nothing.
        try Task.checkCancellation()
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiting in
                answers.expect(task, waiting)
                task.resume()
                // It may have been cancelled just before it was expected.
                if Task.isCancelled { answers.giveUp(task) }
            }
        } onCancel: {
            task.cancel()
            answers.giveUp(task)
        }
    }
}

/// Collects the parts of each answer.
private final class Answers: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    typealias Waiting = CheckedContinuation<(Data, HTTPURLResponse), any Error>

    private struct Answer {
        let waiting: Waiting
        var data = Data()
    }

    private let lock = NSLock()
    /// The answers that are not complete yet, each under the number of its task. `lock` guards them.
    private var open: [Int: Answer] = [:]

    func expect(_ task: URLSessionTask, _ waiting: Waiting) {
        lock.withLock { open[task.taskIdentifier] = Answer(waiting: waiting) }
    }

    /// Ends the wait for this answer. It does not wait for the task, because on Linux a cancelled task does not always say
    /// that it has ended.
    func giveUp(_ task: URLSessionTask) {
        lock.withLock { open.removeValue(forKey: task.taskIdentifier) }?.waiting.resume(throwing: CancellationError())
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        // The system checks certificates. Every other challenge asks for a password.
        #if canImport(FoundationNetworking)
        let system = false
        #else
        let ofTLS = [NSURLAuthenticationMethodServerTrust, NSURLAuthenticationMethodClientCertificate]
        let system = ofTLS.contains(challenge.protectionSpace.authenticationMethod)
        #endif
        completionHandler(system ? .performDefaultHandling : .rejectProtectionSpace, nil)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let tooLong: Answer? = lock.withLock {
            guard var answer = open[dataTask.taskIdentifier] else { return nil }
            let tooLong = answer.data.count + data.count > Exchange.longestAnswer
            if !tooLong { answer.data.append(data) }
            open[dataTask.taskIdentifier] = tooLong ? nil : answer
            return tooLong ? answer : nil
        }
        guard let tooLong else { return }
        // At once, as in `giveUp`.
        tooLong.waiting.resume(throwing: TokenError(.badAnswer, "The answer holds no token."))
        dataTask.cancel()
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let answer = lock.withLock({ open.removeValue(forKey: task.taskIdentifier) }) else { return }
        if let error, (task.response as? HTTPURLResponse)?.statusCode != 401 {
            // Some systems report an error for a 401 whose challenge was rejected. The answer has come, so it is used below.
            answer.waiting.resume(throwing: error)
        } else if let response = task.response as? HTTPURLResponse {
            answer.waiting.resume(returning: (answer.data, response))
        } else {
            answer.waiting.resume(throwing: TokenError(.badAnswer, "The answer holds no token."))
        }
    }
}
