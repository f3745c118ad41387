package io.agora;

/** As far as the adapters know it. */
public interface ConnectionListener {
    void onConnected();

    void onDisconnected(int errorCode);

    default void onTokenExpired() {}

    default void onTokenWillExpire() {}
}
