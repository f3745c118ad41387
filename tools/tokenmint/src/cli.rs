//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::SignedDuration;
use serde::Serialize;
use std::path::PathBuf;
use tokens::Ttl;
use tokens::agora::Version;

const EXIT_CODES: &str = "\
Exit codes:
  0  no reason against the token was found; or a token was minted
  1  an SDK would refuse the token
  2  the command line is wrong
  3  the text is not a token, or it is too damaged to read
  4  the credentials are missing or cannot be read
  5  the machine failed: its clock, its random numbers, a closed pipe

Credentials are never arguments, because shells remember arguments. The first source in this list that is set counts:
  --prompt, --secret, --credentials
  AGORA_APP_ID with AGORA_APP_CERTIFICATE, ZEGO_APP_ID with ZEGO_SERVER_SECRET
  LOCAL_CREDENTIALS            a JSON file {\"agora\":{...},\"zego\":{...}}
  AGORA_SECRET_ID, ZEGO_SECRET_ID    a secret in Secrets Manager, read with your AWS profile, SSO or variables";

const HEALTH_EXIT_CODES: &str = "\
Exit codes:
  0  it is ready
  1  it is not ready, or it does not answer";

const WHOAMI: &str = "\
Says who the sender of a JWT would be to the service, and why it would refuse them.

The JWT is your sign-in token: what your app sends as Authorization: Bearer. It comes from standard input, and is never \
an argument, because shells remember arguments:

  pbpaste | tokenmint whoami --issuer https://id.example.com/ --audience tokenmint

The settings are the service's own: JWT_ISSUER, JWT_AUDIENCE, USER_ID_FORM and so on, from the environment. With \
--gateway the answer is for the stack, where API Gateway verifies JWTs. There the parameters are JwtIssuer, JwtAudience \
and JwtScope, and you give them as options.";

const WHOAMI_EXIT_CODES: &str = "\
Exit codes:
  0  the service would accept the caller
  1  the service would refuse the caller
  2  the command line or a setting is wrong
  3  the text is not a JWT
  4  the issuer's keys are missing or cannot be read, so nobody has checked the signature
  5  the machine failed: its clock, a closed pipe

The output holds the user id, the rooms, the scopes, the issuer and the audiences, but never the JWT.";

const OUTPUT: &str = "\n\nThe output holds user ids and times, but never the token, a certificate or a secret.";

/// Explains why an SDK refuses a token, and makes temporary tokens.
#[derive(Parser)]
#[command(name = "tokenmint", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant and one module for each command.
// None of these has a `Debug`: the token is in them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Explains an Agora (006, 007) or ZEGO (04) token: its fields, and why an SDK would refuse it
    #[command(after_long_help = EXIT_CODES.to_owned() + OUTPUT)]
    #[command(after_help = "Exit codes: 0 good, 1 refused, 2 usage, 3 no token, 4 no credentials. --help says more.")]
    Inspect(Inspect),
    /// Makes a temporary token, as the vendors' consoles do
    #[command(after_long_help = EXIT_CODES)]
    Mint(Mint),
    /// Says who the sender of a JWT would be to the service, and why it would refuse them
    #[command(long_about = WHOAMI)]
    #[command(after_long_help = WHOAMI_EXIT_CODES)]
    #[command(after_help = "Exit codes: 0 good, 1 refused, 2 usage, 3 no JWT, 4 no keys. --help says more.")]
    Whoami(Whoami),
    /// Serves tokens over HTTP, with the settings of the environment variables
    Serve(Serve),
    /// Asks the server on this machine whether it is ready, at ADMIN_LISTEN. For a container's health check
    #[command(after_help = HEALTH_EXIT_CODES)]
    Health,
    /// Prints a completion script, for example `tokenmint completions bash`
    Completions {
        /// The shell that reads the script
        shell: Shell,
    },
}

/// Where to serve.
#[derive(Args, Clone)]
pub(crate) struct Serve {
    /// The address and port to listen at [default: LISTEN, or 127.0.0.1:9000]
    #[arg(long, value_name = "ADDRESS:PORT", value_hint = ValueHint::Other)]
    pub(crate) listen: Option<String>,

    /// Once it serves, print how to ask for each kind of token
    #[arg(long)]
    pub(crate) examples: bool,
}

/// What to explain, and what is known about the app.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The token. If it is missing or `-`, it is read from standard input
    #[arg(value_hint = ValueHint::Other)]
    // Several words: the shell splits a pasted answer or header, and we join it again.
    pub(crate) token: Vec<String>,

    /// The SDK that gets the token. If it is missing: each SDK that the token is for
    #[arg(long, value_enum)]
    pub(crate) sdk: Option<Sdk>,

    /// The uid, account or user id with which the app joins or logs in
    #[arg(long, visible_alias = "uid", value_name = "ID", allow_negative_numbers = true)]
    pub(crate) user: Option<String>,

    /// The channel or room that the app joins
    #[arg(long, visible_alias = "room", value_name = "NAME")]
    pub(crate) channel: Option<String>,

    /// The app id that the app is built with
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,

    /// Explains as of this moment instead of now, in Unix seconds
    // Calendars end with the year 9999.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=253_402_300_799))]
    pub(crate) now: Option<i64>,

    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Prints nothing. The exit code is the answer
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) credentials: CredentialsFrom,
}

/// Where the vendor's credentials come from. Without any of these: from the environment.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct CredentialsFrom {
    /// Asks for the app certificate or server secret on the terminal, without showing it
    #[arg(long)]
    pub(crate) prompt: bool,

    /// Reads the credentials from this secret in Secrets Manager
    #[arg(long, value_name = "NAME_OR_ARN")]
    pub(crate) secret: Option<String>,

    /// Reads them from a JSON file {"agora":{...},"zego":{...}}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) credentials: Option<PathBuf>,
}

/// What the service expects of a JWT, and where the issuer's keys are.
#[derive(Args)]
pub(crate) struct Whoami {
    /// The issuer, exactly as the JWT's claim iss has it [default: JWT_ISSUER]
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Url)]
    pub(crate) issuer: Option<String>,

    /// The accepted audiences, separated by commas [default: JWT_AUDIENCE]
    #[arg(long, value_name = "NAMES")]
    pub(crate) audience: Option<String>,

    /// The scope that every JWT needs [default: JWT_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,

    /// API Gateway verifies the JWT, as in the stack [default: whether IDENTITY is gateway]
    #[arg(long)]
    pub(crate) gateway: bool,

    /// Reads the issuer's public keys from this file (a JWK set), and uses no network
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "offline")]
    pub(crate) keys: Option<PathBuf>,

    /// Uses no network. The signature is not checked
    #[arg(long)]
    pub(crate) offline: bool,

    /// Explains as of this moment instead of now, in Unix seconds
    // Tokens cannot be issued after this moment, because their ends have 32 bits.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=4_294_880_895))]
    pub(crate) now: Option<u64>,

    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Prints nothing. The exit code is the answer
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    // Any argument here may be a JWT. We take it and refuse it ourselves, because clap's own message would repeat it.
    #[arg(hide = true, allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) not_an_argument: Vec<String>,
}

/// The SDKs that take tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sdk {
    /// Agora RTC (video and voice)
    Rtc,
    /// Agora RTM 2.x (Signaling)
    Rtm,
    /// Agora RTM 1.x
    Rtm1,
    /// Agora Chat
    Chat,
    /// ZEGO Express
    Express,
    /// ZEGO ZIM (In-app Chat)
    Zim,
}

#[derive(Debug, Args)]
pub(crate) struct Mint {
    #[command(subcommand)]
    pub(crate) kind: Kind,
}

/// The options of every kind.
#[derive(Debug, Args)]
pub(crate) struct MintOptions {
    /// The app id, if the credentials hold none
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,

    /// Prints the token and its fields as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) credentials: CredentialsFrom,
}

/// An option of all kinds but FPA, whose tokens always live 24 hours.
#[derive(Debug, Args)]
pub(crate) struct Lifetime {
    /// The lifetime: seconds, or for example 90m or 12h; at most 24h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = ttl, allow_hyphen_values = true)]
    pub(crate) expires_in: Ttl,
}

/// A user of RTC: exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RtcIdentity {
    /// The numeric uid
    #[arg(long)]
    pub(crate) uid: Option<u64>,
    /// The string account
    #[arg(long)]
    pub(crate) account: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Subscriber,
    Publisher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum With {
    Rtm,
    Chat,
}

/// The product that an agent belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Product {
    /// Conversational AI
    Convoai,
    /// Real-time speech to text
    Stt,
}

/// One permission of an RTM2 token.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(crate) permission: tokens::agora::Permission,
    pub(crate) resource: tokens::agora::Resource,
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    /// Agora RTC: one channel
    Rtc {
        /// The channel it opens
        #[arg(long)]
        channel: String,
        #[command(flatten)]
        user: RtcIdentity,
        /// Whether the user may publish
        #[arg(long, value_enum, default_value = "subscriber")]
        role: Role,
        /// RTM and Chat in the same token, for the same user id
        #[arg(long, value_enum, value_delimiter = ',')]
        with: Vec<With>,
        /// 006 for RTC SDKs before 3.5.8
        #[arg(long = "format", value_name = "006|007", default_value = "007", value_parser = version)]
        version: Version,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora RTM (Signaling)
    Rtm {
        /// Who logs in
        #[arg(long)]
        user: String,
        /// 006 for RTM SDK 1.x. It always lives 24 hours
        #[arg(long = "format", value_name = "006|007", default_value = "007", value_parser = version)]
        version: Version,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora RTM with permissions for single resources
    Rtm2 {
        /// Who logs in
        #[arg(long)]
        user: String,
        /// One permission: read or write, then message-channels, stream-channels, group-channels, server-groups or
        /// users, then a name
        #[arg(long, value_name = "read:message-channels:NAME", value_parser = permit)]
        permit: Vec<Permit>,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora Chat, for one user
    ChatUser {
        /// Who logs in
        #[arg(long)]
        user: String,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora Chat's REST API, for backends
    ChatApp {
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora: an agent of Conversational AI or speech to text, for backends
    Agent {
        /// The agent's product
        #[arg(long, value_enum)]
        service: Product,
        /// The channel that the agent joins
        #[arg(long)]
        channel: String,
        #[command(flatten)]
        user: RtcIdentity,
        /// Whether the agent may publish
        #[arg(long, value_enum, default_value = "subscriber")]
        role: Role,
        /// The agent's user id in RTM [default: the uid or account]
        #[arg(long)]
        rtm_user: Option<String>,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora's streaming gateway
    Streaming {
        /// The channel it opens
        #[arg(long)]
        channel: String,
        #[command(flatten)]
        user: RtcIdentity,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora Fusion CDN
    Fcdn {
        /// The channel it opens
        #[arg(long)]
        channel: String,
        #[command(flatten)]
        user: RtcIdentity,
        /// Permits playing only
        #[arg(long)]
        play_only: bool,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora FPA (Full-Path Accelerator), for 24 hours
    Fpa {
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora APaaS: one user in one room
    ApaasRoomUser {
        /// The room
        #[arg(long)]
        room: String,
        /// The user
        #[arg(long)]
        user: String,
        /// The user's role in the room
        #[arg(long)]
        role: i16,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora APaaS: one user
    ApaasUser {
        /// The user
        #[arg(long)]
        user: String,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// Agora APaaS, for backends
    ApaasApp {
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// ZEGO Express: every room, or one with --room
    Express {
        /// Who logs in
        #[arg(long)]
        user: String,
        /// The one room it opens
        #[arg(long)]
        room: Option<String>,
        /// Does not permit publishing
        #[arg(long, requires = "room")]
        no_publish: bool,
        /// Permits only these streams
        #[arg(long = "stream-id", value_name = "ID", requires = "room")]
        stream_ids: Vec<String>,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
    /// ZEGO ZIM (In-app Chat)
    Zim {
        /// Who logs in
        #[arg(long)]
        user: String,
        #[command(flatten)]
        lifetime: Lifetime,
        #[command(flatten)]
        options: MintOptions,
    },
}

fn ttl(text: &str) -> Result<Ttl, String> {
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => text.parse::<SignedDuration>().ok().and_then(|time| u64::try_from(time.as_secs()).ok()),
    };
    let seconds = seconds.ok_or("must be seconds or a time such as 90m")?;
    Ttl::from_seconds(seconds).map_err(|error| error.to_string())
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "006" => Ok(Version::V006),
        "007" => Ok(Version::V007),
        _ => Err("must be 006 or 007".to_owned()),
    }
}

fn permit(text: &str) -> Result<Permit, String> {
    use tokens::agora::{Permission, Resource};
    let mut parts = text.splitn(3, ':');
    let (permission, resource, name) = (parts.next(), parts.next(), parts.next());
    let permission = match permission {
        Some("read") => Permission::Read,
        Some("write") => Permission::Write,
        _ => return Err("must begin with read: or write:".to_owned()),
    };
    let resource = match resource {
        Some("message-channels") => Resource::MessageChannels,
        Some("stream-channels") => Resource::StreamChannels,
        Some("group-channels") => Resource::GroupChannels,
        Some("server-groups") => Resource::ServerGroups,
        Some("users") => Resource::Users,
        _ => {
            return Err(
                "the resource must be message-channels, stream-channels, group-channels, server-groups or users"
                    .to_owned(),
            );
        }
    };
    let name = name.ok_or("a name must follow the resource")?.to_owned();
    Ok(Permit { permission, resource, name })
}
