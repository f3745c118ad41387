package im.zego.zegoexpress.callback;

/** As far as the adapters know it. */
public abstract class IZegoEventHandler {
    public void onRoomTokenWillExpire(String roomID, int remainTimeInSecond) {}
}
