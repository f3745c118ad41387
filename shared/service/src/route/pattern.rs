//! The path of a route, and which requests have it.

use crate::params::PathParameters;
use crate::request::Path;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The parameters in a request's path. `None`: it is another route's path.
pub(super) fn parameters<'a>(route: &str, path: &'a Path) -> Option<Cow<'a, PathParameters>> {
    match path {
        Path::OfRoute { path, parameters } => (path == route).then_some(Cow::Borrowed(parameters)),
        Path::Sent(path) => matched(route, path).map(Cow::Owned),
    }
}

/// The parameters in a path that was sent, if it fits the route's path.
fn matched(route: &str, sent: &str) -> Option<PathParameters> {
    let value = |segment| decoded(segment).map(Cow::into_owned);
    let segments = route.split('/').zip(sent.split('/'));
    let parameters = segments.filter_map(|(expected, sent)| Some((parameter(expected)?.to_owned(), value(sent))));
    fits(route, sent).then(|| parameters.collect())
}

/// Whether a path that was sent fits the route's path. Both have the same number of segments. A parameter is one segment
/// that is not empty. Every request is compared with many routes, so this copies nothing.
pub(super) fn fits(route: &str, sent: &str) -> bool {
    let (mut expected, mut sent) = (route.split('/'), sent.split('/'));
    loop {
        match (expected.next(), sent.next()) {
            (None, None) => return true,
            (Some(expected), Some(sent)) if segment_fits(expected, sent) => {}
            _ => return false,
        }
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

/// A segment, decoded. Only a whole segment is decoded. So a `/` that the client encoded stays within its segment.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
