package io.agora.rtm;

/** As far as the adapters know it. */
public abstract class RtmClient {
    public abstract void renewToken(String token, ResultCallback<Void> callback);
}
