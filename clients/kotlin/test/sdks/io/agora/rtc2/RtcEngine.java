package io.agora.rtc2;

/** As far as the adapters know it. */
public abstract class RtcEngine {
    public abstract int renewToken(String token);
}
