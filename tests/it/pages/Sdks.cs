// The few names of Unity, of Agora's SDK and of ZEGO's SDK that docs/how-to/unity.md uses. They only let the page compile.

using System;
using System.Threading;
using System.Threading.Tasks;

namespace UnityEngine
{
    public class MonoBehaviour
    {
        public CancellationToken destroyCancellationToken => default(CancellationToken);
    }

    public static class Debug
    {
        public static void LogWarning(object message) { }
    }

    // Unity has a class of this name. So the page must write System.Random.
    public static class Random { }
}

namespace Agora.Rtc
{
    public class RtcConnection { }

    public abstract class IRtcEngineEventHandler
    {
        public virtual void OnRequestToken(RtcConnection connection) { }
        public virtual void OnTokenPrivilegeWillExpire(RtcConnection connection, string token) { }
    }

    public abstract class IRtcEngine
    {
        public abstract int InitEventHandler(IRtcEngineEventHandler engineEventHandler);
        public abstract int JoinChannel(string token, string channelId, string info = "", uint uid = 0);
        public abstract int RenewToken(string token);
    }
}

namespace ZEGO
{
    public delegate void OnRoomTokenWillExpire(string roomID, int remainTimeInSecond);

    public abstract class ZegoExpressEngine
    {
        public OnRoomTokenWillExpire onRoomTokenWillExpire;
        public abstract void RenewToken(string roomID, string token);
    }
}

// The app's own sign-in.
static class SignIn
{
    public static Task<string> AccessToken() => Task.FromResult("head.body.sig");
}
