//! What owners look at.

use based_client::{chain::View, wallet::format_account};
use based_primitives::{BrainId, BrainKind};
use serde_json::{json, Value};

use super::in_pepecoin;
use crate::{brains::text, report, Context, Report};

pub(super) async fn price(context: &Context) -> anyhow::Result<Report> {
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
pub async fn settings(view: &View, brain: BrainId) -> anyhow::Result<(Vec<(&'static str, String)>, Value)> {
    let settings = view.brain_settings(brain).await?.unwrap_or_default();
    let shown = |name: &Option<Vec<u8>>| name.as_deref().map(text);
    let (bns, ens) = (shown(&settings.profile.bns), shown(&settings.profile.ens));
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
        let proved = if settings.profile.ens_proved {
            "proved"
        } else {
            "not proved"
        };
        fields.push(("ENS name", format!("{ens} ({proved})")));
    }
    if let Some(template) = settings.profile.template {
        fields.push(("template", template.to_string()));
    }
    if settings.admission.restricted {
        fields.push((
            "admits",
            format!("{} accounts on its list", settings.admission.allowed),
        ));
    }
    if settings.pruning {
        fields.push((
            "when full",
            "newcomers take the places of those who earn least".into(),
        ));
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
