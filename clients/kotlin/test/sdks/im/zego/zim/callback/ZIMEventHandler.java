package im.zego.zim.callback;

import im.zego.zim.ZIM;

/** As far as the adapters know it. */
public abstract class ZIMEventHandler {
    public void onTokenWillExpire(ZIM zim, int second) {}
}
