package io.agora.rtm;

/** As far as the adapters know it. */
public interface RtmEventListener {
    default void onTokenPrivilegeWillExpire(String channelName) {}
}
