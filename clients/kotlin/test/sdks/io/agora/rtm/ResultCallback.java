package io.agora.rtm;

/** As far as the adapters know it. */
public interface ResultCallback<T> {
    void onSuccess(T responseInfo);

    void onFailure(ErrorInfo errorInfo);
}
