//! Ethereum tools on this network: addresses, links, and what a wallet is told to find it.

use based_client::{
    chain::{address_of, calls, AccountId},
    wallet::format_account,
};
use based_primitives::{
    constants::{EVM_CHAIN_ID, SYMBOL},
    eip712::{DOMAIN_NAME, DOMAIN_VERSION},
};
use clap::Subcommand;
use serde_json::{json, Value};
use sp_core::H160;

use crate::{account, report, Context, Report};

/// Where the Ethereum JSON-RPC server listens by default.
const ETH_RPC: &str = "http://127.0.0.1:8545";

#[derive(Debug, Subcommand)]
pub enum Evm {
    /// Show what a wallet such as MetaMask is told to add this network.
    Network,
    /// Show the Ethereum address of an account, or the account of an Ethereum address.
    Address {
        /// Account or address (0x and 40 digits); the wallet's own account by default.
        who: Option<String>,
    },
    /// Link the wallet's account to an Ethereum address. Without --consent, print the typed data that the address's
    /// wallet signs (eth_signTypedData_v4); with it, send the link.
    Link {
        /// Ethereum address.
        #[arg(value_parser = ethereum)]
        address: H160,
        /// Signature of the typed data: 0x and 130 digits.
        #[arg(long, value_parser = consent)]
        consent: Option<[u8; 65]>,
    },
    /// Forget the link of the wallet's account.
    Unlink,
}

fn ethereum(text: &str) -> Result<H160, String> {
    bytes(text)
        .map(H160)
        .ok_or_else(|| "an Ethereum address is 0x and 40 hexadecimal digits".into())
}

fn consent(text: &str) -> Result<[u8; 65], String> {
    bytes(text).ok_or_else(|| "a signature is 0x and 130 hexadecimal digits".into())
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text.strip_prefix("0x")?).ok()?.try_into().ok()
}

impl Evm {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::Network => Ok(network()),
            Self::Address { who } => address(context, who).await,
            Self::Link {
                address,
                consent: None,
            } => {
                let account = context.account(None)?;
                let chain = context.chain().await?;
                let nonce = chain.best().await?.link_nonce(address).await?;
                let data = typed_data(chain.genesis().0, &account, nonce);
                Ok(Report::new(data.clone(), serde_json::to_string_pretty(&data)?))
            }
            Self::Link {
                address,
                consent: Some(consent),
            } => {
                let signer = context.key.signer()?;
                let chain = context.chain().await?;
                let included = chain.submit(&signer, &calls::link(address, consent)).await?;
                let done = format!(
                    "{address:?} and {} are linked.",
                    report::account(&signer.account())
                );
                Ok(Report::included(
                    &done,
                    &included,
                    json!({ "address": format!("{address:?}") }),
                ))
            }
            Self::Unlink => {
                let signer = context.key.signer()?;
                let chain = context.chain().await?;
                let included = chain.submit(&signer, &calls::unlink()).await?;
                Ok(Report::included("The link is forgotten.", &included, json!({})))
            }
        }
    }
}

fn network() -> Report {
    let json = json!({
        "name": "BasedAI",
        "rpc": ETH_RPC,
        "chain_id": EVM_CHAIN_ID,
        "symbol": SYMBOL,
        "decimals": 18,
    });
    let fields = [
        ("network name", "BasedAI".to_owned()),
        ("RPC URL", format!("{ETH_RPC} (eth-rpc beside your node)")),
        ("chain ID", EVM_CHAIN_ID.to_string()),
        ("currency symbol", SYMBOL.into()),
    ];
    Report::fields(json, &fields)
}

async fn address(context: &Context, who: Option<String>) -> anyhow::Result<Report> {
    let address = who.as_deref().and_then(|text| ethereum(text).ok());
    if let Some(address) = address {
        let view = context.chain().await?.best().await?;
        let account = view.account_at(address).await?;
        let link = view.linked_address(&account).await?;
        return Ok(show(&account, address, Some(link)));
    }
    let named = who.as_deref().map(account).transpose();
    let account = context.account(named.map_err(anyhow::Error::msg)?)?;
    // The address follows from the account alone; only the link needs a node.
    let link = match context.chain().await {
        Ok(chain) => Some(chain.best().await?.linked_address(&account).await?),
        Err(_) => None,
    };
    Ok(show(&account, address_of(&account), link))
}

fn show(account: &AccountId, address: H160, link: Option<Option<H160>>) -> Report {
    let json = json!({
        "account": report::account(account),
        "address": format!("{address:?}"),
        "linked": link.flatten().map(|address| format!("{address:?}")),
    });
    let mut fields = vec![
        ("account", format_account(account)),
        ("Ethereum address", format!("{address:?}")),
    ];
    if let Some(link) = link {
        let linked = link.map_or_else(|| "none".into(), |address| format!("{address:?}"));
        fields.push(("linked to", linked));
    }
    Report::fields(json, &fields)
}

/// Typed data as `eth_signTypedData_v4` takes it.
fn typed_data(genesis: [u8; 32], account: &AccountId, nonce: u32) -> Value {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "types": {
            "EIP712Domain": [field("name", "string"), field("version", "string"), field("chainId", "uint256")],
            "Link": [field("genesis", "bytes32"), field("account", "bytes32"), field("nonce", "uint32")],
        },
        "primaryType": "Link",
        "domain": { "name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": EVM_CHAIN_ID },
        "message": {
            "genesis": format!("0x{}", hex::encode(genesis)),
            "account": format!("0x{}", hex::encode(account)),
            "nonce": nonce,
        },
    })
}
