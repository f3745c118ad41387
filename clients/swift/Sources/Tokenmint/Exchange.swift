import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests, and returns each answer as it came.
///
/// It follows no redirect, because a redirect would take the JWT to another server. It answers no question for a password.
/// It stores nothing, and sends no cookie. One delegate of the session decides all of this, because on some systems
/// `URLSession` follows redirects in spite of a delegate of the task.
final class Exchange: Sendable {
    /// A longer answer is none of the service's.
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

    /// - Throws: What `URLSession` throws, a `TokenError` if the answer is none of the service's, or `CancellationError`.
    func answer(to request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        // A task that is already cancelled sends nothing.
        try Task.checkCancellation()
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiting in
                answers.expect(task, waiting)
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }
}

/// Collects the parts of each answer.
private final class Answers: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    typealias Waiting = CheckedContinuation<(Data, HTTPURLResponse), any Error>

    private struct Answer {
        let waiting: Waiting
        var data = Data()
        var tooLong = false
    }

    private let lock = NSLock()
    /// By the number of its task. `lock` guards it.
    private var open: [Int: Answer] = [:]

    func expect(_ task: URLSessionTask, _ waiting: Waiting) {
        lock.withLock { open[task.taskIdentifier] = Answer(waiting: waiting) }
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
        // The system checks certificates. Every other question is about a password.
        #if canImport(FoundationNetworking)
        let system = false
        #else
        let ofTLS = [NSURLAuthenticationMethodServerTrust, NSURLAuthenticationMethodClientCertificate]
        let system = ofTLS.contains(challenge.protectionSpace.authenticationMethod)
        #endif
        completionHandler(system ? .performDefaultHandling : .rejectProtectionSpace, nil)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let tooLong = lock.withLock {
            guard var answer = open[dataTask.taskIdentifier] else { return false }
            answer.tooLong = answer.data.count + data.count > Exchange.longestAnswer
            if !answer.tooLong { answer.data.append(data) }
            open[dataTask.taskIdentifier] = answer
            return answer.tooLong
        }
        if tooLong { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let answer = lock.withLock({ open.removeValue(forKey: task.taskIdentifier) }) else { return }
        if answer.tooLong {
            answer.waiting.resume(throwing: TokenError(.badAnswer, "The answer holds no token."))
        } else if let error, (task.response as? HTTPURLResponse)?.statusCode != 401 {
            // Where a rejected question for a password is an error, the answer is there all the same.
            answer.waiting.resume(throwing: error)
        } else if let response = task.response as? HTTPURLResponse {
            answer.waiting.resume(returning: (answer.data, response))
        } else {
            answer.waiting.resume(throwing: TokenError(.badAnswer, "The answer holds no token."))
        }
    }
}
