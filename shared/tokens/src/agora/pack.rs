//! How Agora's formats lay values out: integers little endian, texts and maps behind a 16-bit count.

/// Appends values to a buffer.
pub(crate) trait Pack {
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    /// A count: how many items follow.
    fn put_count(&mut self, items: usize);
    /// A length, and then the bytes. Every name is far shorter than 65,536 bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
    /// A count, and then the pairs. The format wants them ascending by key.
    fn put_map(&mut self, pairs: impl IntoIterator<Item = (u16, u32)>);
    /// Overwrites a 16-bit count that was put before it was known.
    fn patch_u16(&mut self, at: usize, value: usize);
}

impl Pack for Vec<u8> {
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_count(&mut self, items: usize) {
        self.put_u16(count(items));
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_count(bytes.len());
        self.extend_from_slice(bytes);
    }

    fn put_map(&mut self, pairs: impl IntoIterator<Item = (u16, u32)>) {
        let at = self.len();
        self.put_u16(0);
        let mut entries = 0;
        for (key, value) in pairs {
            self.put_u16(key);
            self.put_u32(value);
            entries += 1;
        }
        self.patch_u16(at, entries);
    }

    fn patch_u16(&mut self, at: usize, value: usize) {
        self[at..at + 2].copy_from_slice(&count(value).to_le_bytes());
    }
}

/// A length as the format writes it. A length that does not fit must not be cut short: that would sign another name.
fn count(length: usize) -> u16 {
    u16::try_from(length).expect("names and lists are bounded far below 65,536")
}

/// Takes values from the front of a slice. `None`: the slice ends too early.
pub(crate) struct Unpack<'a>(pub(crate) &'a [u8]);

impl<'a> Unpack<'a> {
    pub(crate) fn take_slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn take_u16(&mut self) -> Option<u16> {
        self.take_array().map(u16::from_le_bytes)
    }

    pub(crate) fn take_i16(&mut self) -> Option<i16> {
        self.take_array().map(i16::from_le_bytes)
    }

    pub(crate) fn take_u32(&mut self) -> Option<u32> {
        self.take_array().map(u32::from_le_bytes)
    }

    pub(crate) fn take_bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.take_u16()?;
        self.take_slice(length.into())
    }
}
