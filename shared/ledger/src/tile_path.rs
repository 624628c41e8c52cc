//! Where published files lie.
//!
//! Source: C2SP tlog-tiles, "APIs". The tree's crate writes the older form of the Go checksum database, with the
//! height in the path; that form is changed here.

use tlog_tiles::Tile;

/// The path of the checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Height of all tiles: 256 hashes wide.
pub(crate) const HEIGHT: u8 = 8;

/// Hashes in a full tile, entries in a full bundle.
pub(crate) const WIDTH: u32 = 1 << HEIGHT;

/// `tile/<L>/<N>[.p/<W>]`
pub(crate) fn tile(level: u8, n: u64, width: u32) -> String {
    let path = Tile::new(HEIGHT, level, n, width, false).path();
    path.replacen("tile/8/", "tile/", 1)
}

/// `tile/entries/<N>[.p/<W>]`
pub(crate) fn entries(n: u64, width: u32) -> String {
    let path = Tile::new(HEIGHT, 0, n, width, true).path();
    path.replacen("tile/8/data/", "tile/entries/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile(0, 1_234_067, WIDTH), "tile/0/x001/x234/067");
        assert_eq!(tile(8, 8, 5), "tile/8/008.p/5");
        assert_eq!(entries(1_000, 112), "tile/entries/x001/000.p/112");
        assert_eq!(entries(0, WIDTH), "tile/entries/000");
    }
}
