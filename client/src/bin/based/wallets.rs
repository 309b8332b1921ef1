//! Wallets, balances and transfers.

use std::{io::Read, path::PathBuf};

use anyhow::Context as _;
use based_client::{
    chain::{calls, AccountId},
    money,
    wallet::{self, format_account, Wallets},
};
use clap::Subcommand;
use serde_json::json;
use sp_core::crypto::{ExposeSecret, SecretString};

use crate::{owner::in_pepecoin, report, Context, Report};

#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// Make a wallet with a new key; its secret phrase is shown once.
    New {
        /// Name.
        name: String,
    },
    /// Make a wallet of a secret phrase read from standard input, or of a JSON file exported elsewhere.
    Import {
        /// Name.
        name: String,
        /// File exported by polkadot.js or a wallet like it; its password stays.
        #[arg(long, value_name = "FILE")]
        json_file: Option<PathBuf>,
    },
    /// List wallets.
    List,
    /// Show a wallet's account.
    Show {
        /// Name; else the key named by --wallet or --uri.
        name: Option<String>,
    },
}

impl Wallet {
    pub fn run(self, context: &Context) -> anyhow::Result<Report> {
        let wallets = Wallets::of_user()?;
        match self {
            Self::New { name } => {
                let (account, phrase) = wallets.create(&name, &wallet::new_password()?)?;
                let address = format_account(&account);
                let text = format!(
                    "Wallet {name}: {address}\nSecret phrase, shown only now. Write it on paper; whoever has it has your $BASED:\n\n  {}\n",
                    phrase.expose_secret()
                );
                Ok(Report::new(
                    json!({ "name": name, "account": address, "phrase": phrase.expose_secret() }),
                    text,
                ))
            }
            Self::Import { name, json_file } => {
                let account = match json_file {
                    Some(file) => {
                        let json = wallet::read_limited(&file).with_context(|| file.display().to_string())?;
                        wallets.import_json(&name, &json, &wallet::password("Password of the file: ")?)?
                    }
                    None => {
                        let phrase = secret_phrase()?;
                        wallets.import(&name, &phrase, &wallet::new_password()?)?
                    }
                };
                let address = format_account(&account);
                Ok(Report::new(
                    json!({ "name": name, "account": address }),
                    format!("Wallet {name}: {address}"),
                ))
            }
            Self::List => {
                let found = wallets.list()?;
                let json = found
                    .iter()
                    .map(|(name, id)| json!({ "name": name, "account": report::account(id) }))
                    .collect();
                let rows = found
                    .into_iter()
                    .map(|(name, id)| vec![name, format_account(&id)])
                    .collect();
                Ok(Report::table(
                    json,
                    &["wallet", "account"],
                    rows,
                    "No wallets yet: based wallet new NAME",
                ))
            }
            Self::Show { name } => {
                let account = match &name {
                    Some(name) => wallets.account(name)?,
                    None => context.key.account()?,
                };
                let address = format_account(&account);
                let public = format!("0x{}", hex::encode(AsRef::<[u8]>::as_ref(&account)));
                let json = json!({ "account": address, "public_key": public });
                Ok(Report::fields(
                    json,
                    &[("account", address), ("public key", public)],
                ))
            }
        }
    }
}

fn secret_phrase() -> anyhow::Result<SecretString> {
    use std::io::IsTerminal;
    if std::io::stdin().is_terminal() {
        return Ok(wallet::password("Secret phrase: ")?);
    }
    let mut phrase = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut phrase)
        .context("cannot read the secret phrase")?;
    Ok(SecretString::from(phrase))
}

pub async fn balance(context: &Context, named: Option<AccountId>) -> anyhow::Result<Report> {
    let account = context.account(named)?;
    let view = context.chain().await?.best().await?;
    let balance = view.balance(&account).await?;
    let pepecoin = view.pepecoin(&account).await?;
    let json = json!({
        "account": report::account(&account),
        "free": report::amount(balance.free),
        "held": report::amount(balance.reserved),
        "frozen": report::amount(balance.frozen),
        "pepecoin": report::amount(pepecoin),
    });
    Ok(Report::fields(
        json,
        &[
            ("account", format_account(&account)),
            ("free", money::with_symbol(balance.free)),
            ("held", money::with_symbol(balance.reserved)),
            ("besides", in_pepecoin(pepecoin)),
        ],
    ))
}

pub async fn transfer(
    context: &Context,
    to: AccountId,
    amount: u128,
    pepecoin: bool,
) -> anyhow::Result<Report> {
    let signer = context.key.signer()?;
    let chain = context.chain().await?;
    let (included, sent) = if pepecoin {
        let call = calls::transfer_pepecoin(to.clone(), amount);
        (chain.submit(&signer, &call).await?, in_pepecoin(amount))
    } else {
        let call = calls::transfer(to.clone(), amount);
        (chain.submit(&signer, &call).await?, money::with_symbol(amount))
    };
    let done = format!("Sent {sent} to {}.", format_account(&to));
    Ok(Report::included(
        &done,
        &included,
        json!({ "to": report::account(&to), "amount": report::amount(amount), "pepecoin": pepecoin }),
    ))
}
