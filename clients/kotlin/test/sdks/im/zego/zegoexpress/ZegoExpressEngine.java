package im.zego.zegoexpress;

/** As far as the adapters know it. */
public abstract class ZegoExpressEngine {
    public abstract void renewToken(String roomID, String token);
}
