//! What is known of the bodies that pass a people's lane, so that two at once can show themselves.

use gatepost_model::LaneKind;

use super::{mistakes::Mistakes, reader::Section};

/// `spacing_mm` and `body_mm` of a `[[lane]]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bodies {
    /// From beam to beam along the way, metres.
    pub spacing_m: f64,
    /// How deep one person is at the beams' height, hands at rest, metres.
    pub depth_m: f64,
}

/// With the swing that is allowed to hands it holds all but one in three hundred who carry nothing:
/// docs/lanes.md.
const DEPTH_MM: u64 = 250;

pub(super) fn read(
    section: &mut Section<'_>,
    kind: Option<LaneKind>,
    mistakes: &mut Mistakes,
) -> Option<Bodies> {
    for key in ["spacing_mm", "body_mm"] {
        if section.has(key) && kind.is_some_and(|kind| kind != LaneKind::People) {
            let what = format!("`{key}` is of people");
            section.wrong(key, what, "take it away from a lane of vehicles", mistakes);
        }
    }
    let known = section.has("spacing_mm");
    if section.has("body_mm") && !known {
        let what = "`body_mm` says nothing without the distance of the beams";
        section.wrong("body_mm", what, "add spacing_mm", mistakes);
    }
    let spacing = section.whole("spacing_mm", 150, 50..=500, mistakes);
    let depth = section.whole("body_mm", DEPTH_MM, 100..=1000, mistakes);
    known.then_some(Bodies {
        spacing_m: spacing as f64 / 1000.0,
        depth_m: depth as f64 / 1000.0,
    })
}
