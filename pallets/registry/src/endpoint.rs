//! Which addresses hosts of the Internet can reach (R125).
//!
//! Clients and validators connect to the endpoints that peers register. An address inside somebody's own
//! network would let a peer point them at services that trust local callers, so it is refused. The ranges are
//! those of the IANA special-purpose address registries for IPv4 and IPv6.

use based_primitives::IpAddress;

/// A range of IPv4 addresses: first address and prefix length.
type V4Range = (u32, u32);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

/// Ranges that are no public unicast addresses.
const V4_RESERVED: [V4Range; 15] = [
    // This network.
    (v4(0, 0, 0, 0), 8),
    // Private use.
    (v4(10, 0, 0, 0), 8),
    (v4(172, 16, 0, 0), 12),
    (v4(192, 168, 0, 0), 16),
    // Shared by carrier-grade translators.
    (v4(100, 64, 0, 0), 10),
    // Loopback.
    (v4(127, 0, 0, 0), 8),
    // Link-local, where cloud providers serve credentials.
    (v4(169, 254, 0, 0), 16),
    // Protocol assignments.
    (v4(192, 0, 0, 0), 24),
    // Documentation.
    (v4(192, 0, 2, 0), 24),
    (v4(198, 51, 100, 0), 24),
    (v4(203, 0, 113, 0), 24),
    // Retired relays from IPv6 to IPv4.
    (v4(192, 88, 99, 0), 24),
    // Benchmarks of network devices.
    (v4(198, 18, 0, 0), 15),
    // Multicast.
    (v4(224, 0, 0, 0), 4),
    // Reserved, and limited broadcast.
    (v4(240, 0, 0, 0), 4),
];

/// A range of IPv6 addresses: first address and prefix length.
type V6Range = (u128, u32);

const fn v6(a: u16, b: u16) -> u128 {
    ((a as u128) << 112) | ((b as u128) << 96)
}

/// Global unicast. All else is loopback, mapped or translated IPv4, unique-local, link-local, multicast,
/// discard-only or unassigned.
const V6_GLOBAL: V6Range = (v6(0x2000, 0), 3);

/// Ranges within global unicast that are no public addresses.
const V6_RESERVED: [V6Range; 3] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    (v6(0x2001, 0), 23),
    // Documentation.
    (v6(0x2001, 0x0db8), 32),
    (v6(0x3fff, 0), 20),
];

/// Addresses that carry an IPv4 address in bits 16 to 47 (6to4).
const V6_6TO4: V6Range = (v6(0x2002, 0), 16);

/// Whether an address is a public unicast address.
pub fn is_public(ip: &IpAddress) -> bool {
    match ip {
        IpAddress::V4(bytes) => is_public_v4(u32::from_be_bytes(*bytes)),
        IpAddress::V6(bytes) => is_public_v6(u128::from_be_bytes(*bytes)),
    }
}

fn is_public_v4(address: u32) -> bool {
    !V4_RESERVED.iter().any(|(first, prefix)| {
        let shift = 32u32.saturating_sub(*prefix);
        address.checked_shr(shift) == first.checked_shr(shift)
    })
}

fn is_public_v6(address: u128) -> bool {
    let within = |(first, prefix): &V6Range| {
        let shift = 128u32.saturating_sub(*prefix);
        address.checked_shr(shift) == first.checked_shr(shift)
    };
    if within(&V6_6TO4) {
        let [_, _, a, b, c, d, ..] = address.to_be_bytes();
        return is_public_v4(v4(a, b, c, d));
    }
    within(&V6_GLOBAL) && !V6_RESERVED.iter().any(within)
}
