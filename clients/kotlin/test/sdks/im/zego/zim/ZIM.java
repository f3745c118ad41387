package im.zego.zim;

import im.zego.zim.callback.ZIMTokenRenewedCallback;

/** As far as the adapters know it. */
public abstract class ZIM {
    public abstract void renewToken(String token, ZIMTokenRenewedCallback callback);
}
