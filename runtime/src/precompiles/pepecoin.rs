//! Pepecoin as ERC-20 with permits.

use based_primitives::constants::PEPECOIN_ASSET;
use pallet_assets_precompiles::{AssetIdExtractor, AssetPrecompileConfig, ERC20};
use pallet_revive::precompiles::{AddressMatcher, Error};

use super::at;
use crate::Runtime;

/// Pepecoin; the interface is that of `IERC20Permit` and `IERC20Metadata`.
pub type Pepecoin = ERC20<Runtime, Place>;

/// Where Pepecoin is.
pub struct Place;

impl AssetPrecompileConfig for Place {
    type AssetIdExtractor = Self;

    const MATCHER: AddressMatcher = at(0x0800);
}

impl AssetIdExtractor for Place {
    type AssetId = u32;

    fn asset_id_from_address(_: &[u8; 20]) -> Result<u32, Error> {
        Ok(PEPECOIN_ASSET)
    }
}
