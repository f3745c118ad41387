package io.agora.rtc2;

/** As far as the adapters know it. */
public abstract class IRtcEngineEventHandler {
    public void onTokenPrivilegeWillExpire(String token) {}

    public void onRequestToken() {}
}
