package im.zego.zim.entity;

/** As far as the adapters know it. */
public class ZIMError {}
