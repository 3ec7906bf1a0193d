//! What is done on the text of session descriptions: checks before str0m reads one, and what str0m cannot say.
//!
//! str0m writes each description; the rest is line editing per media section, because msids of recycled sections, ICE
//! credentials of a restart and the publisher's preferred codec have no place in its API.

use std::collections::HashMap;

use str0m::IceCreds;

/// Longest description read, in bytes.
const MAX_BYTES: usize = 512 * 1024;
/// More media sections than any call needs; each costs state.
const MAX_SECTIONS: usize = 128;

/// Refuses what is not worth parsing, with a reason for the one who sent it.
///
/// # Errors
/// What is wrong, as a sentence.
pub(crate) fn check(sdp: &str) -> Result<(), String> {
    if !sdp.starts_with("v=0") {
        return Err("the description is not SDP: it does not begin with v=0".into());
    }
    let sections = sdp.lines().filter(|line| line.starts_with("m=")).count();
    if sections == 0 {
        return Err("the description has no media section (m=)".into());
    }
    if sections > MAX_SECTIONS {
        return Err(format!("the description has {sections} media sections, more than {MAX_SECTIONS}"));
    }
    if sdp.len() > MAX_BYTES {
        return Err(format!("the description has {} bytes, more than {MAX_BYTES}", sdp.len()));
    }
    for attribute in ["a=ice-ufrag:", "a=ice-pwd:"] {
        if !sdp.lines().any(|line| line.starts_with(attribute)) {
            return Err(format!("the description has no ICE credentials ({attribute}…)"));
        }
    }
    if !sdp.lines().any(|line| line.starts_with("a=fingerprint:")) {
        return Err("the description has no DTLS fingerprint (a=fingerprint:…)".into());
    }
    Ok(())
}

/// The ICE credentials of whoever wrote it; with BUNDLE there is one pair.
pub(crate) fn credentials(sdp: &str) -> Option<IceCreds> {
    let first = |attribute| sdp.lines().find_map(|line| line.strip_prefix(attribute)).map(str::to_owned);
    Some(IceCreds { ufrag: first("a=ice-ufrag:")?, pass: first("a=ice-pwd:")? })
}

/// The mids of all sections, in order.
pub(crate) fn mids(sdp: &str) -> Vec<String> {
    sections(sdp).filter_map(section_mid).map(str::to_owned).collect()
}

/// Whether section `mid` names a payload type.
pub(crate) fn has_payload(sdp: &str, mid: &str, pt: u8) -> bool {
    let section = section(sdp, mid);
    let line = section.and_then(|section| section.lines().next()).unwrap_or_default();
    line.split(' ').skip(3).any(|word| word.parse() == Ok(pt))
}

/// What LiveKit's clients call their layers, lowest first.
const KNOWN_RIDS: [[&str; 3]; 2] = [["q", "h", "f"], ["2", "1", "0"]];

/// The rids that the section `mid` sends, lowest layer first; empty: one encoding.
///
/// Known names tell their layer, in whatever order the simulcast line has them; of others the line tells the order.
pub(crate) fn send_rids(sdp: &str, mid: &str) -> Vec<String> {
    let Some(section) = section(sdp, mid) else { return Vec::new() };
    let Some(list) = section.lines().find_map(|line| line.strip_prefix("a=simulcast:")) else { return Vec::new() };
    let mut words = list.split_whitespace();
    while let Some(word) = words.next() {
        let rids = words.next().unwrap_or_default();
        if word == "send" {
            // "~" marks a layer that begins paused, "," alternatives of one layer.
            let first = |layer: &str| layer.split(',').next().unwrap_or_default().trim_start_matches('~').to_owned();
            let mut rids: Vec<String> = rids.split(';').map(first).filter(|rid| !rid.is_empty()).collect();
            let rank = |known: &[&str; 3], rid: &str| known.iter().position(|name| *name == rid);
            if let Some(known) = KNOWN_RIDS.iter().find(|known| rids.iter().all(|rid| rank(known, rid).is_some())) {
                rids.sort_by_key(|rid| rank(known, rid));
            }
            return rids;
        }
    }
    Vec::new()
}

/// The track id of the section's msid: the client's name for the track.
pub(crate) fn track_id(sdp: &str, mid: &str) -> Option<String> {
    let section = section(sdp, mid)?;
    let msid = section.lines().find_map(|line| line.strip_prefix("a=msid:")).or_else(|| {
        section.lines().filter(|line| line.starts_with("a=ssrc:")).find_map(|line| Some(line.split_once(" msid:")?.1))
    })?;
    msid.split_whitespace().nth(1).map(str::to_owned)
}

/// Replaces the ICE credentials in every section.
pub(crate) fn with_credentials(sdp: &str, credentials: &IceCreds) -> String {
    edit(sdp, |_, line| {
        Some(match line {
            _ if line.starts_with("a=ice-ufrag:") => format!("a=ice-ufrag:{}", credentials.ufrag),
            _ if line.starts_with("a=ice-pwd:") => format!("a=ice-pwd:{}", credentials.pass),
            _ if line.starts_with("a=candidate:") => match line.split_once(" ufrag ") {
                Some((candidate, _)) => format!("{candidate} ufrag {}", credentials.ufrag),
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        })
    })
}

/// What a section carries, in the words of its description.
pub(crate) struct Msid<'a> {
    pub stream: String,
    pub track: &'a str,
    pub stereo: bool,
}

/// What a section of an answer carries to the client.
pub(crate) struct Carried<'a> {
    pub direction: &'static str,
    /// `None`: nothing.
    pub msid: Option<Msid<'a>>,
}

/// Gives sections, by mid, their directions and msids; those that carry nothing lose their streams.
pub(crate) fn with_carried(sdp: &str, carried: &HashMap<String, Carried<'_>>) -> String {
    edit(sdp, |section, line| {
        let Some(carried) = section.and_then(|mid| carried.get(mid)) else { return Some(line.to_owned()) };
        let is_stream = ["a=msid:", "a=ssrc:", "a=ssrc-group:"].iter().any(|prefix| line.starts_with(prefix));
        match (line, &carried.msid) {
            ("a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive", _) => Some(format!("a={}", carried.direction)),
            (_, None) if is_stream => None,
            (_, Some(msid)) => Some(msid.apply(line)),
            _ => Some(line.to_owned()),
        }
    })
}

/// Gives sections, by mid, their msids (also where their ssrc lines repeat them), and tells of stereo. All in one pass:
/// a large room's offer has a hundred sections.
pub(crate) fn with_msids(sdp: &str, msids: &HashMap<String, Msid<'_>>) -> String {
    edit(sdp, |section, line| {
        Some(match section.and_then(|mid| msids.get(mid)) {
            Some(msid) => msid.apply(line),
            None => line.to_owned(),
        })
    })
}

impl Msid<'_> {
    fn apply(&self, line: &str) -> String {
        let Self { stream, track, stereo } = self;
        match line.split_once(" msid:") {
            _ if line.starts_with("a=msid:") => format!("a=msid:{stream} {track}"),
            Some((ssrc, _)) if line.starts_with("a=ssrc:") => format!("{ssrc} msid:{stream} {track}"),
            // Only Opus has it.
            _ if *stereo && line.starts_with("a=fmtp:") && line.contains("minptime") => {
                format!("{line};sprop-stereo=1")
            }
            _ => line.to_owned(),
        }
    }
}

/// Leaves in section `mid` only the payload types of `keep` and their retransmission; the client then sends that codec.
///
/// Restricted and not merely reordered, as Firefox on Linux does not heed the order in an answer.
pub(crate) fn with_only(sdp: &str, mid: &str, keep: &[u8]) -> String {
    let kept = |pt: &str| pt.parse().is_ok_and(|pt: u8| keep.contains(&pt));
    edit(sdp, |section, line| {
        if section != Some(mid) {
            return Some(line.to_owned());
        }
        if line.starts_with("m=") {
            let words = line.split(' ').enumerate().filter(|(index, word)| *index < 3 || kept(word));
            return Some(words.map(|(_, word)| word).collect::<Vec<_>>().join(" "));
        }
        let value = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|prefix| line.strip_prefix(prefix));
        match value.and_then(|value| value.split(' ').next()) {
            Some(pt) if pt != "*" && !kept(pt) => None,
            _ => Some(line.to_owned()),
        }
    })
}

/// Numbers packets over all streams of a connection, so that whoever receives them can tell which came, and when.
pub(crate) const TRANSPORT_WIDE: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Leaves header extensions, and the feedback that is of no use without them, out of section `mid`; the client then does
/// not send them.
pub(crate) fn without_extensions(sdp: &str, mid: &str, uris: &[&str]) -> String {
    edit(sdp, |section, line| {
        let is_left_out = match line.strip_prefix("a=extmap:").and_then(|value| value.split(' ').nth(1)) {
            Some(uri) => uris.contains(&uri),
            None => line.starts_with("a=rtcp-fb:") && line.ends_with(" transport-cc") && uris.contains(&TRANSPORT_WIDE),
        };
        (section != Some(mid) || !is_left_out).then(|| line.to_owned())
    })
}

/// Appends format parameters to payload type `pt` of section `mid`.
pub(crate) fn with_format(sdp: &str, mid: &str, pt: u8, parameters: &str) -> String {
    let (format, codec) = (format!("a=fmtp:{pt} "), format!("a=rtpmap:{pt} "));
    let has_format = section(sdp, mid).is_some_and(|section| section.lines().any(|line| line.starts_with(&format)));
    edit(sdp, |section, line| {
        Some(if section == Some(mid) && line.starts_with(&format) {
            format!("{line};{parameters}")
        } else if section == Some(mid) && !has_format && line.starts_with(&codec) {
            format!("{line}\r\n{format}{parameters}")
        } else {
            line.to_owned()
        })
    })
}

/// What libwebrtc is to begin with, and its limits, in kbit/s.
const BITRATES: [&str; 3] = ["x-google-start-bitrate", "x-google-min-bitrate", "x-google-max-bitrate"];
/// Digits of such a number.
const MOST_DIGITS: usize = 9;

/// The bitrates that the client asks of itself for payload type `pt` of section `mid`: libwebrtc reads them in the answer,
/// not in its own offer.
pub(crate) fn asked_of_itself(sdp: &str, mid: &str, pt: u8) -> Option<String> {
    let format = format!("a=fmtp:{pt} ");
    let parameters = section(sdp, mid)?.lines().find_map(|line| line.strip_prefix(&format))?;
    let is_number = |value: &&str| value.len() <= MOST_DIGITS && value.bytes().all(|byte| byte.is_ascii_digit());
    let value_of = |name: &str| {
        parameters.split(';').find_map(|each| each.trim().strip_prefix(name)?.strip_prefix('=')).filter(is_number)
    };
    let asked: Vec<String> =
        BITRATES.iter().filter_map(|name| value_of(name).map(|value| format!("{name}={value}"))).collect();
    if asked.is_empty() { None } else { Some(asked.join(";")) }
}

fn section<'a>(sdp: &'a str, mid: &str) -> Option<&'a str> {
    sections(sdp).find(|section| section_mid(section) == Some(mid))
}

/// The text of each media section.
fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = sdp.match_indices("\nm=").map(|(index, _)| index + 1).collect();
    starts.push(sdp.len());
    let bounds: Vec<(usize, usize)> = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    bounds.into_iter().map(|(start, end)| &sdp[start..end])
}

fn section_mid(section: &str) -> Option<&str> {
    section.lines().find_map(|line| line.strip_prefix("a=mid:")).map(str::trim)
}

/// Runs every line, with the mid of its section, through `change`; `None` drops it.
fn edit(sdp: &str, change: impl Fn(Option<&str>, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(sdp.len() + 256);
    let mut put = |mid: Option<&str>, text: &str| {
        for line in text.lines() {
            if let Some(line) = change(mid, line) {
                out.push_str(&line);
                out.push_str("\r\n");
            }
        }
    };
    let session = sdp.find("\nm=").map_or(sdp, |index| &sdp[..=index]);
    put(None, session);
    for section in sections(sdp) {
        put(section_mid(section), section);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\na=ice-ufrag:old\r\na=ice-pwd:oldpwd\r\na=fingerprint:sha-256 AA\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:0\r\na=msid:s a1\r\na=fmtp:111 minptime=10\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:1\r\na=ssrc:7 msid:s v1\r\na=rtpmap:96 VP8/90000\r\n\
        a=rtpmap:98 H264/90000\r\na=fmtp:97 apt=96\r\na=rtcp-fb:98 nack\r\na=simulcast:send q;~h;f\r\n";

    #[test]
    fn checks_name_what_is_wrong() {
        assert_eq!(check(SDP), Ok(()));
        assert!(check("hello").unwrap_err().contains("v=0"));
        assert!(check("v=0\r\n").unwrap_err().contains("no media section"));
        assert!(check(&format!("{SDP}{}", "m=audio 9 X 0\r\n".repeat(200))).unwrap_err().contains("202"));
        assert!(check(&SDP.replace("a=ice-pwd", "a=x")).unwrap_err().contains("ice-pwd"));
        assert!(check(&SDP.replace("a=fingerprint", "a=x")).unwrap_err().contains("fingerprint"));
        assert!(check(&format!("{SDP}{}", "x".repeat(MAX_BYTES))).unwrap_err().contains("bytes"));
    }

    #[test]
    fn reads_rids_and_track_ids_by_section() {
        assert_eq!(send_rids(SDP, "1"), ["q", "h", "f"]);
        assert!(send_rids(SDP, "0").is_empty());
        assert_eq!(track_id(SDP, "0").as_deref(), Some("a1"));
        assert_eq!(track_id(SDP, "1").as_deref(), Some("v1"), "only on the ssrc line");
        assert_eq!(track_id(SDP, "9"), None);
        assert!(has_payload(SDP, "0", 63) && !has_payload(SDP, "1", 63) && !has_payload(SDP, "9", 63));
        assert!(!has_payload(SDP, "0", 9), "the port is none");
    }

    #[test]
    fn rids_tell_their_layer_by_name_if_it_is_known() {
        let cases: [(&str, &[&str]); 7] = [
            ("f;h;q", &["q", "h", "f"]),
            ("h;q", &["q", "h"]),
            ("f;~q", &["q", "f"]),
            ("2;1;0", &["2", "1", "0"]),
            ("0;1;2", &["2", "1", "0"]),
            ("low;mid;high", &["low", "mid", "high"]),
            ("f;h;x", &["f", "h", "x"]),
        ];
        for (line, rids) in cases {
            assert_eq!(send_rids(&SDP.replace("q;~h;f", line), "1"), rids, "{line}");
        }
    }

    #[test]
    fn edits_touch_only_their_section() {
        let creds = IceCreds { ufrag: "00new".into(), pass: "secret".into() };
        let sdp = with_credentials(SDP, &creds);
        assert!(sdp.contains("a=ice-ufrag:00new\r\na=ice-pwd:secret\r\n"));
        let msid = |track, stereo| Msid { stream: format!("PA_a|{track}"), track, stereo };
        let sdp = with_msids(SDP, &HashMap::from([("1".into(), msid("TR_b", true))]));
        assert!(sdp.contains("a=msid:s a1\r\n") && sdp.contains("a=ssrc:7 msid:PA_a|TR_b TR_b\r\n"));
        assert!(!sdp.contains("stereo"));
        let sdp =
            with_msids(SDP, &HashMap::from([("0".into(), msid("TR_a", true)), ("1".into(), msid("TR_b", false))]));
        assert!(sdp.contains("a=msid:PA_a|TR_a TR_a\r\n") && sdp.contains("a=ssrc:7 msid:PA_a|TR_b TR_b\r\n"));
        assert!(sdp.contains("minptime=10;sprop-stereo=1\r\n"));
        let extension =
            "m=video 9 X 96\r\na=mid:2\r\na=extmap:12 urn:x\r\na=extmap:3 urn:y\r\na=rtcp-fb:96 transport-cc\r\n";
        let sdp = format!("{SDP}{extension}{}", extension.replace("mid:2", "mid:3"));
        let (first, second) = sdp.split_at(sdp.len() - extension.len());
        let without = extension.replace("a=extmap:12 urn:x\r\n", "").replace("mid:2", "mid:3");
        assert_eq!(without_extensions(&sdp, "3", &["urn:x"]), format!("{first}{without}"), "not {second}");
        let numbered = sdp.replace("urn:y", TRANSPORT_WIDE);
        let without = without_extensions(&numbered, "3", &[TRANSPORT_WIDE]);
        assert_eq!(without.matches(TRANSPORT_WIDE).count(), 1);
        assert!(without.ends_with("a=mid:3\r\na=extmap:12 urn:x\r\n"), "{without}");
        let sdp = with_only(SDP, "1", &[96, 97]);
        assert!(sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"), "{sdp}");
        assert!(sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n") && !sdp.contains("H264"));
        assert!(!sdp.contains("rtcp-fb:98") && sdp.contains("a=fmtp:97 apt=96"));
        assert!(with_format(SDP, "0", 111, "usedtx=1").contains("a=fmtp:111 minptime=10;usedtx=1\r\n"));
        let new = with_format(SDP, "1", 96, "x=1");
        assert!(new.contains("a=rtpmap:96 VP8/90000\r\na=fmtp:96 x=1\r\n"), "{new}");
    }

    #[test]
    fn finds_what_a_client_asks_of_itself() {
        assert_eq!(asked_of_itself(SDP, "0", 111), None);
        assert_eq!(asked_of_itself(SDP, "1", 96), None, "there is no format");
        let sdp = with_format(SDP, "0", 111, "x-google-start-bitrate=900; x-google-max-bitrate=2000");
        let asked = asked_of_itself(&sdp, "0", 111);
        assert_eq!(asked.as_deref(), Some("x-google-start-bitrate=900;x-google-max-bitrate=2000"));
        assert_eq!(asked_of_itself(&sdp, "1", 111), None, "it is of another section");
        for other in [
            "x-google-start-bitrate=1000000000",
            "x-google-start-bitrate=1a",
            "x-google-other=1",
            "x-google-start-bitrate",
        ] {
            assert_eq!(asked_of_itself(&with_format(SDP, "0", 111, other), "0", 111), None, "{other}");
        }
    }
}
