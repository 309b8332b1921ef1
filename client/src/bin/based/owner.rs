//! What owners of Brains do.

use based_client::{
    chain::{calls, AccountId, BrainIssued, Chain, PepecoinPaid, Signer},
    money,
    wallet::format_account,
};
use based_primitives::{
    constants::{MAX_DOMAIN_LEN, MAX_NAME_LEN, MAX_URL_LEN, PPB},
    Balance, BrainId, BrainKind, BrainName, Domain, PriceList, Task, TemplateId, Url,
};
use clap::{Subcommand, ValueEnum};
use serde_json::{json, Value};
use sp_core::H256;
use subxt::tx::Payload;

use crate::{account, amount, report, Context, Report};

/// How Pepecoin is given for a Brain.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Method {
    /// Burnt: the Brain is permanent and can be transferred.
    Burn,
    /// Staked: the Brain cannot be transferred, earns its owner nothing for 90 days, and returns the stake when it is
    /// deactivated after them.
    Stake,
}

/// Who may join a Brain.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Admission {
    /// Everyone.
    Everyone,
    /// Accounts on the Brain's list.
    Listed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Switch {
    /// Enable it.
    On,
    /// Disable it.
    Off,
}

#[derive(Debug, Subcommand)]
pub enum Owner {
    /// Show what the next Brain costs, and the Pepecoin that went into Brains.
    Price,
    /// Buy a Brain for Pepecoin.
    Buy {
        /// Whether the Pepecoin is burnt or staked.
        #[arg(value_enum)]
        method: Method,
        /// Number of the Brain; the lowest free one by default.
        #[arg(long, value_name = "BRAIN")]
        number: Option<BrainId>,
        /// Most Pepecoin to pay; the price of this moment by default.
        #[arg(long, value_parser = pepecoin, value_name = "PEPECOIN")]
        max_price: Option<u128>,
    },
    /// Close a staked Brain after its 90 days; the Pepecoin returns and the peers stop.
    Deactivate {
        /// Brain.
        brain: BrainId,
    },
    /// Give a burned Brain to another account.
    Transfer {
        /// Brain.
        brain: BrainId,
        /// New owner.
        #[arg(value_parser = account)]
        to: AccountId,
    },
    /// Announce the task of a Brain; peers change to it after the notice period.
    SetTask {
        /// Brain.
        brain: BrainId,
        /// SHA-256 of the model's manifest, in hexadecimal: `zk-llm inspect DIR` prints it.
        #[arg(long, value_parser = bytes::<32>, value_name = "HASH")]
        manifest: [u8; 32],
        /// Repository with the task's code, for audits.
        #[arg(long, value_parser = url, value_name = "URL")]
        repository: Url,
        /// Commit of that repository, in hexadecimal.
        #[arg(long, value_parser = bytes::<20>, value_name = "HASH")]
        commit: [u8; 20],
        /// Take prompts in the clear: miners and whoever watches them can read what users ask.
        #[arg(long)]
        no_encryption: bool,
    },
    /// Name a Brain; an empty name removes it.
    SetName {
        /// Brain.
        brain: BrainId,
        /// Name.
        #[arg(value_parser = name)]
        name: BrainName,
    },
    /// Set the domain names of a Brain; what is not mentioned stays.
    SetDomains {
        /// Brain.
        brain: BrainId,
        /// Name in the network's own name service, without a dot; no two Brains have the same.
        #[arg(long, value_parser = domain, value_name = "NAME", conflicts_with = "no_bns")]
        bns: Option<Domain>,
        /// Name in the Ethereum Name Service, such as brain.eth.
        #[arg(long, value_parser = domain, value_name = "NAME", conflicts_with = "no_ens")]
        ens: Option<Domain>,
        /// Remove the BNS name.
        #[arg(long)]
        no_bns: bool,
        /// Remove the ENS name.
        #[arg(long)]
        no_ens: bool,
    },
    /// Set the account that receives the owner's income.
    SetRewardAccount {
        /// Brain.
        brain: BrainId,
        /// Account; the owner by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
    /// Say which template the task was made from.
    SetTemplate {
        /// Brain.
        brain: BrainId,
        /// Template; none by default.
        template: Option<TemplateId>,
    },
    /// Announce how a Brain's rewards are shared, from a later cycle on.
    SetTerms {
        /// Brain.
        brain: BrainId,
        /// Percentage of the node pool for miners; validators have the rest.
        #[arg(long, value_parser = share, value_name = "PERCENT")]
        miner_share: u64,
        /// Percentage that the owner keeps of what stake directed to the Brain earns.
        #[arg(long, value_parser = share, value_name = "PERCENT")]
        commission: u64,
    },
    /// Announce parts of the owner's income for peers, from the next cycle on.
    Redistribute {
        /// Brain.
        brain: BrainId,
        /// Percentage for miners.
        #[arg(long, value_parser = share, value_name = "PERCENT", default_value = "0")]
        miners: u64,
        /// Percentage for validators.
        #[arg(long, value_parser = share, value_name = "PERCENT", default_value = "0")]
        validators: u64,
    },
    /// Say who may join a Brain; peers that are there stay.
    SetAdmission {
        /// Brain.
        brain: BrainId,
        /// Who may join.
        #[arg(value_enum)]
        admission: Admission,
    },
    /// Put an account on a Brain's list of those who may join.
    Allow {
        /// Brain.
        brain: BrainId,
        /// Account.
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Take an account from a Brain's list.
    Disallow {
        /// Brain.
        brain: BrainId,
        /// Account.
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Set the registration fee of a Brain, for those who come later.
    SetFee {
        /// Brain.
        brain: BrainId,
        /// Fee in $BASED; 0 asks for none.
        #[arg(value_parser = amount)]
        fee: u128,
    },
    /// Let newcomers take the places of those who earn least once a Brain is full, or end that.
    SetPruning {
        /// Brain.
        brain: BrainId,
        /// Whether they do.
        #[arg(value_enum)]
        pruning: Switch,
    },
    /// Set the prices of a Brain.
    SetPrices {
        /// Brain.
        brain: BrainId,
        /// $BASED for 1,000 prompt units.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        prompt: u128,
        /// $BASED for 1,000 completion units.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        completion: u128,
        /// Most units, prompt and completion together, of one operation.
        #[arg(long, value_name = "UNITS")]
        context: u32,
    },
}

impl Owner {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        if let Self::Price = self {
            return price(context).await;
        }
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let owner = Session {
            chain: &chain,
            signer: &signer,
        };
        match self {
            Self::Price => anyhow::bail!("shown above"),
            Self::Buy {
                method,
                number,
                max_price,
            } => owner.buy(method, number, max_price).await,
            Self::SetDomains {
                brain,
                bns,
                ens,
                no_bns,
                no_ens,
            } => owner.set_domains(brain, (bns, no_bns), (ens, no_ens)).await,
            Self::Deactivate { brain } => {
                let done = format!("Closed Brain {brain}; its Pepecoin is yours again.");
                owner.send(brain, &calls::deactivate_brain(brain), &done).await
            }
            Self::Transfer { brain, to } => {
                let done = format!("Gave Brain {brain} to {}.", format_account(&to));
                owner.send(brain, &calls::transfer_brain(brain, to), &done).await
            }
            Self::SetTask {
                brain,
                manifest,
                repository,
                commit,
                no_encryption,
            } => {
                let task = announced(manifest, repository, commit, no_encryption);
                let done = format!("Announced the task of Brain {brain}: see `based brain show {brain}`.");
                owner.send(brain, &calls::set_task(brain, task), &done).await
            }
            Self::SetName { brain, name } => {
                let done = format!("Named Brain {brain}.");
                owner.send(brain, &calls::set_brain_name(brain, name), &done).await
            }
            Self::SetRewardAccount { brain, account } => {
                let to = account.as_ref().map_or_else(|| "its owner".into(), format_account);
                let done = format!("Income of Brain {brain} goes to {to}.");
                owner.send(brain, &calls::set_reward_account(brain, account), &done).await
            }
            Self::SetTemplate { brain, template } => {
                let done = format!("Set the template of Brain {brain}.");
                owner.send(brain, &calls::set_template(brain, template), &done).await
            }
            Self::SetTerms {
                brain,
                miner_share,
                commission,
            } => {
                let done = format!("Announced the terms of Brain {brain}.");
                owner.send(brain, &calls::set_terms(brain, miner_share, commission), &done).await
            }
            Self::Redistribute {
                brain,
                miners,
                validators,
            } => {
                let done = format!("From the next cycle on peers of Brain {brain} have these parts.");
                owner.send(brain, &calls::set_redistribution(brain, miners, validators), &done).await
            }
            Self::SetAdmission { brain, admission } => {
                let restricted = matches!(admission, Admission::Listed);
                let who = if restricted { "only accounts on its list" } else { "everyone" };
                let done = format!("Brain {brain} admits {who}.");
                owner.send(brain, &calls::set_admission(brain, restricted), &done).await
            }
            Self::Allow { brain, account } => {
                let done = format!("{} may join Brain {brain}.", format_account(&account));
                owner.send(brain, &calls::set_allowed(brain, account, true), &done).await
            }
            Self::Disallow { brain, account } => {
                let done = format!("{} is on the list of Brain {brain} no more.", format_account(&account));
                owner.send(brain, &calls::set_allowed(brain, account, false), &done).await
            }
            Self::SetFee { brain, fee } => {
                let done = format!("Who joins Brain {brain} from now on pays {}.", money::with_symbol(fee));
                owner.send(brain, &calls::set_fee(brain, fee), &done).await
            }
            Self::SetPruning { brain, pruning } => {
                let enabled = matches!(pruning, Switch::On);
                let how = if enabled { "makes room" } else { "makes no room" };
                let done = format!("When Brain {brain} is full it {how} for newcomers.");
                owner.send(brain, &calls::set_pruning(brain, enabled), &done).await
            }
            Self::SetPrices {
                brain,
                prompt,
                completion,
                context,
            } => {
                let prices = PriceList {
                    prompt,
                    completion,
                    context,
                };
                let done = format!("Set the prices of Brain {brain}.");
                owner.send(brain, &calls::set_prices(brain, prices), &done).await
            }
        }
    }
}

/// An owner at its node.
struct Session<'a> {
    chain: &'a Chain,
    signer: &'a Signer,
}

impl Session<'_> {
    async fn send<C: Payload>(&self, brain: BrainId, call: &C, done: &str) -> anyhow::Result<Report> {
        let included = self.chain.submit(self.signer, call).await?;
        Ok(Report::included(done, &included, json!({ "brain": brain })))
    }

    /// Buys a Brain at the price of this moment or any up to the one given.
    async fn buy(
        &self,
        method: Method,
        number: Option<BrainId>,
        max_price: Option<Balance>,
    ) -> anyhow::Result<Report> {
        let (kind, how) = match method {
            Method::Burn => (BrainKind::Burned, "burnt"),
            Method::Stake => (BrainKind::Staked, "staked"),
        };
        let view = self.chain.best().await?;
        let price = view
            .brain_price(kind)
            .await?
            .ok_or_else(|| anyhow::anyhow!("such Brains are not sold"))?;
        let most = max_price.unwrap_or(price);
        if price > most {
            anyhow::bail!("the Brain costs {}, more than --max-price", in_pepecoin(price));
        }
        let owned = view.pepecoin(&self.signer.account()).await?;
        if owned < price {
            anyhow::bail!(
                "the Brain costs {} and the account has {}",
                in_pepecoin(price),
                in_pepecoin(owned)
            );
        }
        let included = self
            .chain
            .submit(self.signer, &calls::acquire_brain(number, kind, most))
            .await?;
        let missing = || anyhow::anyhow!("the node does not say which Brain was issued");
        let brain = included.event::<BrainIssued>()?.ok_or_else(missing)?.brain;
        let paid = included.event::<PepecoinPaid>()?.ok_or_else(missing)?.amount;
        let done = format!("Brain {brain} is yours; {} {how}.", in_pepecoin(paid));
        Ok(Report::included(
            &done,
            &included,
            json!({ "brain": brain, "pepecoin": report::amount(paid) }),
        ))
    }

    async fn set_domains(
        &self,
        brain: BrainId,
        bns: (Option<Domain>, bool),
        ens: (Option<Domain>, bool),
    ) -> anyhow::Result<Report> {
        let settings = self.chain.best().await?.brain_settings(brain).await?;
        let Some(settings) = settings else {
            anyhow::bail!("there is no Brain {brain}; see `based brain list`");
        };
        let bns = chosen(bns, settings.profile.bns);
        let ens = chosen(ens, settings.profile.ens);
        let done = format!("Set the domain names of Brain {brain}.");
        self.send(brain, &calls::set_domains(brain, bns, ens), &done).await
    }
}

fn announced(manifest: [u8; 32], repository: Url, commit: [u8; 20], no_encryption: bool) -> Task {
    let task = Task::new(H256(manifest), repository, commit);
    Task {
        zk: task.zk && !no_encryption,
        ..task
    }
}

/// The new name, none if it is to go, else the one there is.
fn chosen((new, remove): (Option<Domain>, bool), old: Option<Vec<u8>>) -> Option<Domain> {
    if remove {
        return None;
    }
    new.or_else(|| Domain::try_from(old?).ok())
}

async fn price(context: &Context) -> anyhow::Result<Report> {
    let view = context.chain().await?.best().await?;
    let of = |kind| view.brain_price(kind);
    let (burn, stake) = (
        of(BrainKind::Burned).await?.unwrap_or_default(),
        of(BrainKind::Staked).await?.unwrap_or_default(),
    );
    let totals = view.pepecoin_totals().await?;
    let json = json!({
        "burn": report::amount(burn),
        "stake": report::amount(stake),
        "total_burned": report::amount(totals.burned),
        "total_staked": report::amount(totals.staked),
    });
    Ok(Report::fields(
        json,
        &[
            ("by burning", in_pepecoin(burn)),
            ("by staking for 90 days or more", in_pepecoin(stake)),
            ("burnt so far", in_pepecoin(totals.burned)),
            ("staked now", in_pepecoin(totals.staked)),
        ],
    ))
}

/// Fields of [`based_client::chain::BrainSettings`] for people, and the same for scripts.
pub async fn settings(
    view: &based_client::chain::View,
    brain: BrainId,
) -> anyhow::Result<(Vec<(&'static str, String)>, Value)> {
    let settings = view.brain_settings(brain).await?.unwrap_or_default();
    let text = |name: &Option<Vec<u8>>| name.as_deref().map(crate::brains::text);
    let (bns, ens) = (text(&settings.profile.bns), text(&settings.profile.ens));
    let mut fields = vec![("issued in block", settings.issued_at.to_string())];
    if let Some(stake) = settings.stake {
        fields.push(("staked for it", in_pepecoin(stake)));
    }
    if let Some(account) = &settings.reward_account {
        fields.push(("income goes to", format_account(account)));
    }
    if let Some(bns) = &bns {
        fields.push(("BNS name", bns.clone()));
    }
    if let Some(ens) = &ens {
        let proved = if settings.profile.ens_proved { "proved" } else { "not proved" };
        fields.push(("ENS name", format!("{ens} ({proved})")));
    }
    if let Some(template) = settings.profile.template {
        fields.push(("template", template.to_string()));
    }
    if settings.admission.restricted {
        fields.push(("admits", format!("{} accounts on its list", settings.admission.allowed)));
    }
    if settings.pruning {
        fields.push(("when full", "newcomers take the places of those who earn least".into()));
    }
    let json = json!({
        "issued_at": settings.issued_at,
        "pepecoin_staked": settings.stake.map(report::amount),
        "reward_account": settings.reward_account.as_ref().map(report::account),
        "bns": bns,
        "ens": ens,
        "ens_proved": settings.profile.ens_proved,
        "template": settings.profile.template,
        "restricted": settings.admission.restricted,
        "allowed": settings.admission.allowed,
        "pruning": settings.pruning,
    });
    Ok((fields, json))
}

/// An amount of Pepecoin for people.
pub fn in_pepecoin(amount: Balance) -> String {
    // Both have 18 decimals.
    format!("{} Pepecoin", money::format(amount))
}

/// Reads an amount of Pepecoin.
pub fn pepecoin(text: &str) -> Result<Balance, String> {
    money::parse(text).map_err(|error| error.replace(based_primitives::constants::SYMBOL, "Pepecoin"))
}

/// Reads a percentage as parts per billion, exactly.
fn share(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no percentage from 0 to 100 with at most seven decimals");
    let whole = based_primitives::constants::BASED;
    let scaled = money::parse(text).ok().and_then(|units| units.checked_mul(PPB.into())).ok_or_else(wrong)?;
    let unit = whole * 100;
    let ppb = u64::try_from(scaled / unit).map_err(|_| wrong())?;
    if scaled % unit != 0 || ppb > PPB {
        return Err(wrong());
    }
    Ok(ppb)
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| format!("{text:?} is not {} hexadecimal digits", 2 * N))?;
    Ok(bytes)
}

fn name(text: &str) -> Result<BrainName, String> {
    BrainName::try_from(text.as_bytes().to_vec()).map_err(|_| format!("a name has at most {MAX_NAME_LEN} bytes"))
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::try_from(text.as_bytes().to_vec())
        .map_err(|_| format!("a domain name has at most {MAX_DOMAIN_LEN} bytes"))
}

fn url(text: &str) -> Result<Url, String> {
    Url::try_from(text.as_bytes().to_vec()).map_err(|_| format!("an address has at most {MAX_URL_LEN} bytes"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{brains::Brain, Cli, Command};

    fn parsed(line: &str) -> Owner {
        match Cli::try_parse_from(line.split(' ')).map(|cli| cli.command) {
            Ok(Command::Brain(Brain::Own(owner))) => owner,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_task_is_announced_as_encrypted_unless_said_otherwise() {
        let line = format!(
            "based brain set-task 7 --manifest {} --repository https://example.org/x --commit {}",
            "a1".repeat(32),
            "b2".repeat(20)
        );
        for (more, zk) in [("", true), (" --no-encryption", false)] {
            let Owner::SetTask {
                manifest,
                repository,
                commit,
                no_encryption,
                ..
            } = parsed(&format!("{line}{more}"))
            else {
                panic!("another command");
            };
            let task = announced(manifest, repository, commit, no_encryption);
            assert_eq!((task.zk, task.manifest, task.commit), (zk, H256([0xA1; 32]), [0xB2; 20]));
        }
    }

    #[test]
    fn a_brain_is_bought_at_the_price_of_the_moment_unless_a_limit_is_given() {
        let Owner::Buy { method, number, max_price } = parsed("based brain buy burn") else {
            panic!("another command");
        };
        assert!(matches!(method, Method::Burn) && number.is_none() && max_price.is_none());
        let line = "based brain buy stake --number 9 --max-price 100_000";
        let Owner::Buy { method, number, max_price } = parsed(line) else {
            panic!("another command");
        };
        assert!(matches!(method, Method::Stake));
        assert_eq!((number, max_price), (Some(9), Some(100_000 * based_primitives::constants::PEPECOIN)));
        assert!(Cli::try_parse_from(["based", "brain", "buy", "steal"]).is_err());
        assert!(Cli::try_parse_from(["based", "brain", "set-domains", "7", "--bns", "abc", "--no-bns"]).is_err());
    }

    #[test]
    fn percentages_are_read_exactly() {
        for (text, ppb) in [
            ("0", 0),
            ("50", 500_000_000),
            ("12.5", 125_000_000),
            ("0.0000001", 1),
            ("100", PPB),
        ] {
            assert_eq!(share(text), Ok(ppb), "{text}");
        }
        for text in ["", "-1", "100.0000001", "0.00000001", "50%", "340282366920938463463"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hashes_have_their_length() {
        assert_eq!(bytes::<2>("0xa1b2"), Ok([0xA1, 0xB2]));
        assert_eq!(bytes::<2>("A1b2"), Ok([0xA1, 0xB2]));
        for text in ["", "a1", "a1b", "a1b2c3", "zzzz"] {
            assert!(bytes::<2>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_domain_that_is_not_mentioned_stays() {
        let name = |text: &str| domain(text).unwrap();
        let old = || Some(b"old".to_vec());
        assert_eq!(chosen((None, false), old()), Some(name("old")));
        assert_eq!(chosen((Some(name("new")), false), old()), Some(name("new")));
        assert_eq!(chosen((None, true), old()), None);
        assert_eq!(chosen((None, false), None), None);
        assert!(domain(&"a".repeat(64)).is_err());
    }

    #[test]
    fn errors_about_pepecoin_say_so() {
        let error = pepecoin("x").unwrap_err();
        assert!(error.contains("Pepecoin") && !error.contains("BASED"), "{error}");
        assert_eq!(in_pepecoin(pepecoin("1200.5").unwrap()), "1200.5 Pepecoin");
    }
}
