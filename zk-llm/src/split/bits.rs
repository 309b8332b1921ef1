//! Numbers of a fixed width, one after another, lowest bits first.

/// Bytes of `count` numbers of `width` bits.
pub(super) const fn bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends numbers below `2^width`; bits left over in the last byte are zero.
pub(super) fn put(bytes: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u32) {
    let (mut held, mut count) = (0u128, 0);
    for number in numbers {
        held |= u128::from(number) << count;
        count += width;
        while count >= 8 {
            bytes.push(held as u8);
            held >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        bytes.push(held as u8);
    }
}

/// The `count` numbers that were put; none if there are fewer or more bytes, or a bit left over is set.
pub(super) fn get(packed: &[u8], count: usize, width: u32) -> Option<Vec<u64>> {
    if packed.len() != bytes(count, width) {
        return None;
    }
    let mut numbers = Vec::with_capacity(count);
    let (mut held, mut there) = (0u128, 0);
    for byte in packed {
        held |= u128::from(*byte) << there;
        there += 8;
        while there >= width && numbers.len() < count {
            numbers.push(held as u64 & (u64::MAX >> (64 - width)));
            held >>= width;
            there -= width;
        }
    }
    (held == 0).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(width in 1u32..=62, numbers in prop::collection::vec(any::<u64>(), 0..50)) {
            let numbers: Vec<u64> = numbers.into_iter().map(|x| x >> (64 - width)).collect();
            let mut packed = vec![];
            put(&mut packed, numbers.iter().copied(), width);
            prop_assert_eq!(packed.len(), bytes(numbers.len(), width));
            prop_assert_eq!(get(&packed, numbers.len(), width), Some(numbers));
        }
    }

    #[test]
    fn other_lengths_and_bits_left_over_are_refused() {
        assert_eq!(get(&[0b1101_0110, 0b0000_0001], 3, 3), Some(vec![6, 2, 7]));
        assert_eq!(get(&[0b1101_0110, 0b0000_0011], 3, 3), None);
        assert_eq!(get(&[0b1101_0110], 3, 3), None);
        assert_eq!(get(&[0, 0, 0], 3, 3), None);
    }
}
