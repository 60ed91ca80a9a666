//! Numbers spread over a table, where neighbours and numbers at equal distances must not meet.

/// A number whose upper bits depend on all bits of `value` (the finaliser of `SplitMix64`). A multiplication alone is not
/// enough: call sites at equal distances, as macros make them, can fall on few places then.
#[inline]
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_distances_are_spread() {
        for distance in 1_u64..200 {
            let mut places = [0_u32; 4096];
            for index in 0_u64..2400 {
                let key = 0x0700_5555_5555_0000_u64.wrapping_add(index.wrapping_mul(distance));
                places[usize::try_from(mix(key) >> 52).unwrap()] += 1;
            }
            assert!(places.iter().all(|count| *count < 10), "distance {distance}");
        }
    }
}
