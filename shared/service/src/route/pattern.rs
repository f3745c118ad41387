//! The path of a route, and which requests have it.
//!
//! Some clients of other token servers write a `/` at the end of a path, and others do not. API Gateway knows no route that
//! ends in `/`. So the template has a greedy variable there, which takes the rest of a path.

use crate::params::PathParameters;
use crate::request::Path;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The path of a route, as in the template. `{name}` is a parameter of one segment. So is the greedy variable `{name+}` at
/// the end. But a `/` may follow it, and after that further parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    path: &'static str,
    /// The parameters that may follow `{name+}`, each behind a `/`.
    further: &'static [&'static str],
    /// Whether a path without `{name+}` may have a `/` at its end.
    last_slash: bool,
}

impl Pattern {
    pub(super) fn new(path: &'static str) -> Pattern {
        Pattern { path, further: &[], last_slash: false }
    }

    pub(super) fn with_further(self, further: &'static [&'static str]) -> Pattern {
        Pattern { further, ..self }
    }

    pub(super) fn with_last_slash(self) -> Pattern {
        Pattern { last_slash: true, ..self }
    }

    /// The path of the template's second route, for requests with a `/` at the end.
    pub(super) fn with_end(&self) -> Option<String> {
        self.last_slash.then(|| format!("{}/{{end+}}", self.path))
    }

    /// Whether a request has this path.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        match path {
            Path::OfRoute { path, .. } => path == self.path || self.is_path_with_end(path),
            Path::Sent(path) => self.fits(path),
        }
    }

    /// The parameters in a request's path. `None`: it is another route's path.
    pub(super) fn parameters<'a>(&self, path: &'a Path) -> Option<Cow<'a, PathParameters>> {
        match path {
            Path::OfRoute { path, parameters } if path == self.path => match self.greedy() {
                None => Some(Cow::Borrowed(parameters)),
                Some(name) => self.split(name, parameters).map(Cow::Owned),
            },
            // The gateway has found a `/` at the end, and perhaps more behind it.
            Path::OfRoute { path, parameters } if self.is_path_with_end(path) => {
                let mut parameters = parameters.clone();
                let end = parameters.remove("end").flatten().unwrap_or_default();
                end.is_empty().then_some(Cow::Owned(parameters))
            }
            Path::OfRoute { .. } => None,
            Path::Sent(path) => self.matched(path).map(Cow::Owned),
        }
    }

    fn is_path_with_end(&self, path: &str) -> bool {
        self.last_slash && path.strip_prefix(self.path) == Some("/{end+}")
    }

    /// The name of the greedy variable.
    fn greedy(&self) -> Option<&'static str> {
        self.path.rsplit('/').next().and_then(greedy)
    }

    /// The names of the parameters that a greedy variable stands for.
    fn names(&self, greedy: &'static str) -> impl Iterator<Item = &'static str> {
        std::iter::once(greedy).chain(self.further.iter().copied())
    }

    /// Splits the value of the greedy variable, which the gateway has decoded.
    fn split(&self, name: &'static str, parameters: &PathParameters) -> Option<PathParameters> {
        let mut parameters = parameters.clone();
        let Some(value) = parameters.remove(name)? else { return Some([(name.to_owned(), None)].into()) };
        let values: Vec<&str> = value.strip_suffix('/').unwrap_or(&value).split('/').collect();
        if !self.takes(values.len()) || values.contains(&"") {
            return None;
        }
        let values = values.into_iter().map(|value| Some(value.to_owned()));
        parameters.extend(self.names(name).map(str::to_owned).zip(values));
        Some(parameters)
    }

    /// Whether the greedy variable takes this number of segments.
    fn takes(&self, segments: usize) -> bool {
        (1..=1 + self.further.len()).contains(&segments)
    }

    /// The parameters in a path that was sent, if it fits.
    fn matched(&self, sent: &str) -> Option<PathParameters> {
        if !self.fits(sent) {
            return None;
        }
        let value = |segment| decoded(segment).map(Cow::into_owned);
        let mut sent = self.without_last_slash(sent).split('/');
        let mut parameters = PathParameters::new();
        for expected in self.path.split('/') {
            if let Some(name) = greedy(expected) {
                parameters.extend(self.names(name).map(str::to_owned).zip(sent.by_ref().map(value)));
            } else if let (segment, Some(name)) = (sent.next()?, parameter(expected)) {
                parameters.insert(name.to_owned(), value(segment));
            }
        }
        Some(parameters)
    }

    /// Whether a path that was sent fits. A parameter is one segment that is not empty. Every request is compared with many
    /// routes, so this copies nothing.
    fn fits(&self, sent: &str) -> bool {
        let (mut expected, mut sent) = (self.path.split('/'), self.without_last_slash(sent).split('/'));
        loop {
            match (expected.next(), sent.next()) {
                (None, None) => return true,
                (Some(expected), Some(first)) if greedy(expected).is_some() => {
                    let mut segments = std::iter::once(first).chain(sent);
                    let mut count = 0;
                    let all = segments.all(|segment| {
                        count += 1;
                        !segment.is_empty()
                    });
                    return all && self.takes(count);
                }
                (Some(expected), Some(sent)) if segment_fits(expected, sent) => {}
                _ => return false,
            }
        }
    }

    fn without_last_slash<'a>(&self, sent: &'a str) -> &'a str {
        let may_have_one = self.last_slash || self.greedy().is_some();
        sent.strip_suffix('/').filter(|_| may_have_one).unwrap_or(sent)
    }
}

fn segment_fits(expected: &str, sent: &str) -> bool {
    match parameter(expected) {
        Some(_) => !sent.is_empty(),
        None => expected == sent || (sent.contains('%') && decoded(sent).as_deref() == Some(expected)),
    }
}

/// The name of the parameter that stands for a segment of a route's path.
fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The name of a greedy variable.
fn greedy(segment: &'static str) -> Option<&'static str> {
    parameter(segment)?.strip_suffix('+')
}

/// A segment, decoded. Only a whole segment is decoded. So a `/` that the client encoded stays within its segment.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(path: &'static str, sent: &str) -> Option<PathParameters> {
        Pattern::new(path).matched(sent)
    }

    /// What the gateway sends for a route with a greedy variable.
    fn by_gateway(path: &str, name: &str, value: &str) -> Path {
        let parameters = [(name.to_owned(), Some(value.to_owned()))].into();
        Path::OfRoute { path: path.to_owned(), parameters }
    }

    fn texts(parameters: &PathParameters) -> Vec<(&str, &str)> {
        parameters.iter().map(|(name, value)| (&**name, value.as_deref().unwrap_or("not UTF-8"))).collect()
    }

    #[test]
    fn where_the_front_knows_no_routes_a_route_is_found_by_the_path_that_was_sent() {
        let channel = |path: &str| {
            let parameters = matched("/rtc/{channel}/token", path)?;
            assert_eq!(parameters.len(), 1, "{path}");
            Some(parameters["channel"].clone())
        };
        let is = |channel: &str| Some(Some(channel.to_owned()));
        assert_eq!(channel("/rtc/demo/token"), is("demo"));
        assert_eq!(channel("/rt%63/demo/token"), is("demo"), "the same path, as RFC 3986 has it");
        // Each segment is decoded once, after the path is split.
        assert_eq!(channel("/rtc/a%20b/token"), is("a b"));
        assert_eq!(channel("/rtc/a%2Fb/token"), is("a/b"));
        assert_eq!(channel("/rtc/%2525/token"), is("%25"));
        assert_eq!(channel("/rtc/100%/token"), is("100%"));
        assert_eq!(channel("/rtc/../token"), is(".."));
        assert_eq!(channel("/rtc/%ff/token"), Some(None), "not UTF-8");
        for other in [
            "",
            "/",
            "/rtc",
            "/rtc/demo",
            "/rtc//token",
            "/rtc/demo/token/",
            "/rtc/demo/token/x",
            "//rtc/demo/token",
            "rtc/demo/token",
            "/RTC/demo/token",
            "/rtc/demo/token%2F",
            "/rtc/a/b/token",
            "/rtm/demo/token",
            "/rtc/demo/%ff",
        ] {
            assert_eq!(channel(other), None, "{other}");
        }
        assert_eq!(matched("/fetch_rtm_token", "/fetch_rtm_token"), Some(PathParameters::new()));
    }

    #[test]
    fn a_greedy_variable_takes_one_value_with_or_without_a_slash() {
        let pattern = Pattern::new("/rtm/{user_id+}");
        let user = |path: &Path| pattern.parameters(path).map(|it| it["user_id"].clone().unwrap_or_default());
        let sent = |path: &str| Path::Sent(path.to_owned());
        for (value, expected) in [("alice", Some("alice")), ("alice/", Some("alice")), ("a b", Some("a b"))] {
            assert_eq!(user(&by_gateway("/rtm/{user_id+}", "user_id", value)).as_deref(), expected, "{value}");
            let path = format!("/rtm/{}", value.replace(' ', "%20"));
            assert_eq!(user(&sent(&path)).as_deref(), expected, "{path}");
        }
        for other in ["", "/", "alice//", "/alice", "alice/token", "alice/token/", "a//b"] {
            assert_eq!(user(&by_gateway("/rtm/{user_id+}", "user_id", other)), None, "{other}");
            assert_eq!(user(&sent(&format!("/rtm/{other}"))), None, "{other}");
        }
        assert!(!pattern.is_of(&by_gateway("/rtm/{user_id}", "user_id", "alice")));
        assert_eq!(pattern.with_end(), None);
    }

    #[test]
    fn further_parameters_follow_a_greedy_variable() {
        let pattern = Pattern::new("/rte/{channel}/{uid+}").with_further(&["rtm_user_id"]);
        let of = |rest: &str| {
            let mut path = by_gateway("/rte/{channel}/{uid+}", "uid", rest);
            if let Path::OfRoute { parameters, .. } = &mut path {
                parameters.insert("channel".to_owned(), Some("demo".to_owned()));
            }
            let sent = Path::Sent(format!("/rte/demo/{rest}"));
            let both = [&path, &sent].map(|path| {
                let found = pattern.parameters(path)?;
                Some(format!("{:?}", texts(&found)))
            });
            assert_eq!(both[0], both[1], "{rest}");
            both[0].clone()
        };
        let one = r#"[("channel", "demo"), ("uid", "7")]"#.to_owned();
        let two = r#"[("channel", "demo"), ("rtm_user_id", "alice"), ("uid", "7")]"#.to_owned();
        assert_eq!((of("7"), of("7/")), (Some(one.clone()), Some(one)));
        assert_eq!((of("7/alice"), of("7/alice/")), (Some(two.clone()), Some(two)));
        for other in ["", "/", "7//", "7/alice/x", "7//alice"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_path_that_ends_in_a_word_may_have_a_last_slash() {
        let pattern = Pattern::new("/chat/app").with_last_slash();
        let is_found = |path: &Path| pattern.parameters(path).is_some_and(|parameters| parameters.is_empty());
        assert_eq!(pattern.with_end().as_deref(), Some("/chat/app/{end+}"));
        for path in ["/chat/app", "/chat/app/"] {
            assert!(is_found(&Path::Sent(path.to_owned())), "{path}");
        }
        assert!(is_found(&by_gateway("/chat/app/{end+}", "end", "")));
        for end in ["x", "token", "/"] {
            let path = by_gateway("/chat/app/{end+}", "end", end);
            assert!(pattern.is_of(&path) && !is_found(&path), "{end}");
        }
        for path in ["/chat/app//", "/chat/app/x", "/chat/app/{end+}", "/chat"] {
            assert!(!pattern.is_of(&Path::Sent(path.to_owned())), "{path}");
        }
        assert!(!Pattern::new("/chat/app").is_of(&by_gateway("/chat/app/{end+}", "end", "")));
    }
}
