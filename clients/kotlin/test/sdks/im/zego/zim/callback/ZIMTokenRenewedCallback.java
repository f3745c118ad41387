package im.zego.zim.callback;

import im.zego.zim.entity.ZIMError;

/** As far as the adapters know it. */
public interface ZIMTokenRenewedCallback {
    void onTokenRenewed(String token, ZIMError errorInfo);
}
