//! The little of an X.509 certificate that the platforms make us read: which key it is for.
//!
//! Nothing is checked here. A platform certificate is believed because it came sealed with a key
//! that only the platform and we know.

/// A certificate's parts, as they stand in it (DER).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Certificate<'a> {
    /// The serial number, big-endian, without sign byte.
    pub(super) serial: &'a [u8],
    /// The `SubjectPublicKeyInfo`, with its own tag and length.
    pub(super) public_key: &'a [u8],
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// `[0]`, explicit: the version, which certificates of version 1 leave out.
const VERSION: u8 = 0xa0;

impl<'a> Certificate<'a> {
    /// Reads a certificate; none if it is cut short or something else.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let certificate = Element::whole(der)?.of(SEQUENCE)?;
        let (body, _) = Element::first(certificate.content)?;
        let mut rest = body.of(SEQUENCE)?.content;
        let (mut element, after) = Element::first(rest)?;
        rest = after;
        if element.tag == VERSION {
            (element, rest) = Element::first(rest)?;
        }
        let serial = element.of(INTEGER)?.content;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            (element, rest) = Element::first(rest)?;
            element.of(SEQUENCE)?;
        }
        let (key, _) = Element::first(rest)?;
        let serial = serial.strip_prefix(&[0]).unwrap_or(serial);
        Some(Self { serial, public_key: key.of(SEQUENCE)?.whole })
    }
}

/// One DER element.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element and what follows it.
    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(short), rest),
            // Two length bytes do for the 64 KiB that no certificate of ours reaches.
            0x81 | 0x82 => {
                let (long, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
                (long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = &bytes[..bytes.len() - after.len()];
        Some((Self { tag, whole, content }, after))
    }

    /// The one element that is all of `bytes`.
    fn whole(bytes: &'a [u8]) -> Option<Self> {
        Self::first(bytes).filter(|(_, after)| after.is_empty()).map(|(element, _)| element)
    }

    fn of(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }
}
