//! Scan codes as pictures.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// White modules round a code, as the standard demands.
const QUIET_MODULES: usize = 4;

/// A QR code as one small SVG path, a run of dark modules at a time; empty if the link is too long
/// for any code.
pub fn svg(link: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(link, EcLevel::M) else {
        return String::new();
    };
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|left, right| left == right) {
            if run[0] == Color::Dark {
                let (left, top, length) = (x + QUIET_MODULES, y + QUIET_MODULES, run.len());
                write!(path, "M{left} {top}h{length}v1h-{length}z").expect("a String takes all");
            }
            x += run.len();
        }
    }
    let side = width + 2 * QUIET_MODULES;
    format!(
        "<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_quiet_zone_and_its_three_eyes() {
        let drawn = svg("https://charge.example/s/7K3M9QX2T4B8");
        assert!(drawn.starts_with("<svg viewBox=\"0 0 37 37\""), "{drawn}");
        // The upper eyes: seven dark modules at the left edge and at the right.
        assert!(drawn.contains("d=\"M4 4h7v1h-7z"), "{drawn}");
        assert!(drawn.contains("M26 4h7v1h-7z"), "{drawn}");
        assert!(drawn.contains("M4 26h7v1h-7z"), "{drawn}");
    }
}
