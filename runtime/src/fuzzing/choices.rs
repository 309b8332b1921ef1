//! Bytes read as choices, so that a fuzzer's input and a stream of random numbers drive the same code.

/// Bytes from which choices are made until none are left.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Choices made by these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether no bytes are left. Every further choice is the first of its kind.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next bytes, filled up with zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let (now, rest) = self.bytes.split_at(self.bytes.len().min(N));
        self.bytes = rest;
        let mut array = [0; N];
        array[..now.len()].copy_from_slice(now);
        array
    }

    /// A number below `end`, which is at most 2^16 and not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number: usize = if end > 256 {
            u16::from_le_bytes(self.array()).into()
        } else {
            self.array::<1>()[0].into()
        };
        number % end
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        // The last, so that an input that ended does nothing rare.
        self.below(times) == times - 1
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    /// One of these, if there is any.
    pub fn pick_any<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        (!items.is_empty()).then(|| self.pick(items))
    }

    /// What this makes, or none.
    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }
}

/// As many random bytes, the same for the same seed.
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    for counter in 0u64.. {
        if bytes.len() >= length {
            break;
        }
        let mut block = seed.to_le_bytes().to_vec();
        block.extend(counter.to_le_bytes());
        bytes.extend(sp_io::hashing::blake2_256(&block));
    }
    bytes.truncate(length);
    bytes
}
