use std::net::IpAddr;

use based_primitives::{traits::RegistryInspect, Balance, Endpoint, IpAddress, Role};
use frame_support::{assert_noop, assert_ok};

use crate::{endpoint::is_public, mock::*, Error, Event};

fn ip(text: &str) -> IpAddress {
    match text.parse().unwrap() {
        IpAddr::V4(address) => IpAddress::V4(address.octets()),
        IpAddr::V6(address) => IpAddress::V6(address.octets()),
    }
}

/// First and last address of each range that is refused, or one of it.
const RESERVED_ADDRESSES: &[&str] = &[
    // This network.
    "0.0.0.0",
    "0.255.255.255",
    // Private.
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    // Carrier-grade translation.
    "100.64.0.0",
    "100.127.255.255",
    // Loopback.
    "127.0.0.1",
    "127.255.255.255",
    // Link-local.
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    // Protocol assignments.
    "192.0.0.0",
    "192.0.0.255",
    // Documentation.
    "192.0.2.0",
    "192.0.2.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    // Retired relays.
    "192.88.99.1",
    // Benchmarks.
    "198.18.0.0",
    "198.19.255.255",
    // Multicast.
    "224.0.0.0",
    "239.255.255.255",
    // Reserved and broadcast.
    "240.0.0.0",
    "255.255.255.255",
    // Unspecified and loopback.
    "::",
    "::1",
    // IPv4-compatible, IPv4-mapped and translated, whatever they carry.
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    // Discard-only.
    "100::1",
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    "2001::1",
    "2001:0:ffff:ffff::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    // Documentation.
    "2001:db8::",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff::1",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    // 6to4 of private, loopback, link-local, unspecified, multicast.
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002::1",
    "2002:e000:1::1",
    // Segment routing and unassigned.
    "5f00::1",
    "4000::1",
    "8000::1",
    "1fff:ffff::1",
    // Unique-local.
    "fc00::1",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    // Link-local and the retired site-local.
    "fe80::1",
    "febf::1",
    "fec0::1",
    // Multicast.
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Public addresses, most of them neighbours of a refused range.
const PUBLIC_ADDRESSES: &[&str] = &[
    "1.0.0.0",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::1",
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2003::1",
    "2000::1",
    "2606:4700:4700::1111",
    "3ffe:ffff::1",
    "3fff:1000::1",
];

#[test]
fn every_reserved_address_is_refused() {
    build_and_execute(false, || {
        for text in RESERVED_ADDRESSES {
            let endpoint = Endpoint {
                ip: ip(text),
                port: 4_000,
            };
            let call = Registry::memorize(
                RuntimeOrigin::signed(ALICE),
                BRAIN,
                Role::Miner,
                endpoint,
                [1; 32],
                RESOURCES,
                Balance::MAX,
            );
            assert_eq!(call, Err(Error::<Test>::ReservedAddress.into()), "{text}");
        }
        assert_eq!(<Registry as RegistryInspect<u64>>::peers(BRAIN), vec![]);
    });
}

#[test]
fn every_public_address_is_accepted() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        for (text, who) in PUBLIC_ADDRESSES.iter().zip(100..) {
            let endpoint = Endpoint {
                ip: ip(text),
                port: 65_535,
            };
            let call = Registry::memorize(
                RuntimeOrigin::signed(who),
                BRAIN,
                Role::Miner,
                endpoint,
                [1; 32],
                RESOURCES,
                Balance::MAX,
            );
            assert_eq!(call.map(|_| ()), Ok(()), "{text}");
        }
    });
}

#[test]
fn the_refused_ranges_agree_with_the_standard_library() {
    for high in 0..=u16::MAX {
        let [a, b] = high.to_be_bytes();
        let address = std::net::Ipv4Addr::new(a, b, 77, 77);
        let refused = address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_unspecified();
        if refused {
            assert!(!is_public(&IpAddress::V4(address.octets())), "{address}");
        }
        let address = std::net::Ipv6Addr::new(high, 0, 0, 0, 0, 0, 0, 1);
        let refused = address.is_loopback()
            || address.is_multicast()
            || address.is_unicast_link_local()
            || address.is_unique_local();
        if refused {
            assert!(!is_public(&IpAddress::V6(address.octets())), "{address}");
        }
    }
}

#[test]
fn networks_for_tests_accept_reserved_addresses_but_no_port_zero() {
    build_and_execute(true, || {
        let loopback = Endpoint {
            ip: ip("127.0.0.1"),
            port: 4_000,
        };
        let call = |endpoint, key| {
            Registry::memorize(
                RuntimeOrigin::signed(ALICE),
                BRAIN,
                Role::Miner,
                endpoint,
                key,
                RESOURCES,
                Balance::MAX,
            )
        };
        assert_noop!(
            call(Endpoint { port: 0, ..loopback }, [1; 32]),
            Error::<Test>::InvalidPort
        );
        assert_noop!(call(loopback, [0; 32]), Error::<Test>::InvalidComputeKey);
        assert_ok!(call(loopback, [1; 32]));
    });
}

#[test]
fn an_endpoint_moves_at_most_once_per_cooldown() {
    build_and_execute(false, || {
        let to = Endpoint {
            ip: ip("2606:4700:4700::1111"),
            port: 9,
        };
        let update = |key| Registry::update_endpoint(RuntimeOrigin::signed(ALICE), BRAIN, to, [key; 32]);
        assert_noop!(update(2), Error::<Test>::NotMemorized);
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_ok!(update(2));
        System::assert_last_event(
            Event::EndpointUpdated {
                brain: BRAIN,
                uid: 0,
                endpoint: to,
                computekey: [2; 32],
            }
            .into(),
        );
        let peer = <Registry as RegistryInspect<u64>>::peer(BRAIN, 0).unwrap();
        assert_eq!(
            (peer.endpoint, peer.computekey, peer.registered_at),
            (to, [2; 32], 1)
        );
        System::set_block_number(u64::from(COOLDOWN));
        assert_noop!(update(3), Error::<Test>::TooSoon);
        System::set_block_number(u64::from(COOLDOWN) + 1);
        assert_ok!(update(3));
    });
}

#[test]
fn an_update_is_checked_like_a_registration() {
    build_and_execute(false, || {
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        let update =
            |endpoint, key| Registry::update_endpoint(RuntimeOrigin::signed(ALICE), BRAIN, endpoint, key);
        let private = Endpoint {
            ip: ip("fd00::1"),
            port: 1,
        };
        assert_noop!(update(private, [1; 32]), Error::<Test>::ReservedAddress);
        assert_noop!(
            update(Endpoint { port: 0, ..PUBLIC }, [1; 32]),
            Error::<Test>::InvalidPort
        );
        assert_noop!(update(PUBLIC, [0; 32]), Error::<Test>::InvalidComputeKey);
    });
}

#[test]
fn the_cooldown_of_a_peer_does_not_bind_the_next_holder_of_its_uid() {
    build_and_execute(false, || {
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_ok!(Registry::update_endpoint(
            RuntimeOrigin::signed(ALICE),
            BRAIN,
            PUBLIC,
            [2; 32]
        ));
        assert_ok!(Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN));
        assert_ok!(memorize(BOB, BRAIN, Role::Miner));
        assert_ok!(Registry::update_endpoint(
            RuntimeOrigin::signed(BOB),
            BRAIN,
            PUBLIC,
            [3; 32]
        ));
    });
}
