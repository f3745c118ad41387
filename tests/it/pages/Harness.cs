// Runs the code of docs/how-to/unity.md for rules.py. Its clock is the test's.

using System;
using System.Globalization;
using System.IO;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using System.Xml;

namespace UnityEngine
{
    // Stands in for the one function of Unity that the page uses. It reads the fields of an object, and refuses all other JSON.
    public static class JsonUtility
    {
        public static T FromJson<T>(string json) where T : class, new()
        {
            if (json == "") return null;
            var document = new XmlDocument();
            try
            {
                document.Load(JsonReaderWriterFactory.CreateJsonReader(Encoding.UTF8.GetBytes(json), XmlDictionaryReaderQuotas.Max));
            }
            catch (XmlException error)
            {
                throw new ArgumentException("JSON parse error: " + error.Message);
            }
            if (document.DocumentElement.GetAttribute("type") != "object") throw new ArgumentException("JSON must represent an object type.");
            var read = new T();
            foreach (var field in typeof(T).GetFields())
                if (document.DocumentElement[field.Name] is XmlElement value)
                    field.SetValue(read, Convert.ChangeType(value.InnerText, field.FieldType, CultureInfo.InvariantCulture));
            return read;
        }
    }
}

class Tested : TokenKeeper
{
    readonly Func<double> now;
    readonly Action<double> pass;

    public Tested(string service, string path, Func<Task<string>> jwt, Action<Minted> onToken, Func<double> now, Action<double> pass)
        : base(service, path, jwt, onToken)
    {
        this.now = now;
        this.pass = pass;
    }

    protected override Func<double> StartClock()
    {
        var start = now();
        return () => now() - start;
    }

    protected override Task Sleep(double seconds, CancellationToken stop)
    {
        if (!stop.IsCancellationRequested) pass(seconds);
        return Task.CompletedTask;
    }
}

static class Harness
{
    // Each line is one run: address, path, JWT in base64, time-out, how many tokens to wait for, and whether an SDK warns all the time.
    static void Main()
    {
        for (string line; (line = Console.ReadLine()) != null;)
        {
            Run(line.Split('\t')).Wait();
            Console.WriteLine("end");
        }
    }

    static async Task Run(string[] words)
    {
        var now = 0.0;
        Action<object[]> say = what =>
            Console.WriteLine(string.Join("\t", Array.ConvertAll(what, it => Convert.ToString(it, CultureInfo.InvariantCulture))));
        var jwt = Encoding.UTF8.GetString(Convert.FromBase64String(words[2]));
        var (left, warns) = (int.Parse(words[4]), words[5] == "1");
        using (var stop = new CancellationTokenSource())
        {
            Tested keeper = null;
            Func<Task<string>> ask = () =>
            {
                say(new object[] { "asked", now });
                return Task.FromResult(jwt);
            };
            Action<Minted> onToken = minted =>
            {
                say(new object[] { "token", now, minted.token });
                if (--left == 0) stop.Cancel();
                else if (warns) keeper.Renew();
            };
            try
            {
                keeper = new Tested(words[0], words[1], ask, onToken, () => now, seconds => now += seconds);
                keeper.Timeout = double.Parse(words[3], CultureInfo.InvariantCulture);
                keeper.OnFailure = (reason, wait) =>
                {
                    say(new object[] { "failed", now, reason, wait });
                    // An SDK that warns now does not cut the wait short.
                    if (warns) keeper.Renew();
                };
                await keeper.Run(stop.Token);
            }
            catch (ArgumentException)
            {
                say(new object[] { "address", now });
            }
            catch (Refused)
            {
                say(new object[] { "refused", now });
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The test has all its tokens, and cancels as an app does.
            }
        }
    }
}
