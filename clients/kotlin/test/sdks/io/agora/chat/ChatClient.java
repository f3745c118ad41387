package io.agora.chat;

/** As far as the adapters know it. */
public abstract class ChatClient {
    public abstract void renewToken(String token);
}
