//! `saochong operator` and `saochong user`.

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::json;
use server::clock::Clock;
use server::store::StoreError;
use server::store::sites::Operator;
use server::store::users::User;
use server::{password, random};
use wasm_core::ids::OperatorId;

use super::{Common, output};

/// What a user may be.
const ROLES: [&str; 4] = ["owner", "finance", "support", "technician"];

#[derive(Subcommand)]
pub enum OperatorCommand {
    /// Add an operator; prints its id
    Add(AddOperator),
}

#[derive(Args)]
pub struct AddOperator {
    /// Its id [default: made here]
    #[arg(long)]
    id: Option<String>,
    /// Its name, as riders read it
    #[arg(long)]
    name: String,
    /// Where riders get a person
    #[arg(long)]
    phone: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a user; prints the password if it was made here
    Add(AddUser),
    /// Give a user another password, and end the user's sessions
    Password(NewPassword),
}

#[derive(Args)]
pub struct NewPassword {
    /// The name the user logs in with
    #[arg(long)]
    login: String,
    /// The password [default: made here]
    #[arg(long, env = "SAOCHONG_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct AddUser {
    /// Whom it works for
    #[arg(long)]
    operator: String,
    /// The name it logs in with
    #[arg(long)]
    login: String,
    /// What it may do
    #[arg(long, default_value = "owner", value_parser = PossibleValuesParser::new(ROLES))]
    role: String,
    /// Its password [default: made here]
    #[arg(long, env = "SAOCHONG_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl OperatorCommand {
    pub async fn run(self, common: &Common) -> Result<()> {
        let Self::Add(new) = self;
        let (store, _) = common.store().await?;
        let id = OperatorId(new.id.unwrap_or_else(random::base32::<12>));
        let operator = Operator { id, name: new.name, service_phone: new.phone };
        let mut tx = store.begin().await?;
        match tx.add_operator(&operator, Clock::System.now_ms()).await {
            Err(StoreError::Taken) => bail!("there is an operator {} already", operator.id),
            added => added.context("cannot add the operator")?,
        }
        tx.commit().await?;
        if new.json {
            return output::json(&json!({"operator_id": operator.id}));
        }
        output::line(operator.id.as_str())
    }
}

impl UserCommand {
    pub async fn run(self, common: &Common) -> Result<()> {
        match self {
            Self::Add(new) => new.run(common).await,
            Self::Password(new) => new.run(common).await,
        }
    }
}

impl AddUser {
    async fn run(self, common: &Common) -> Result<()> {
        let (store, _) = common.store().await?;
        let operator_id = OperatorId(self.operator);
        if store.operator(&operator_id).await?.is_none() {
            bail!("there is no operator {operator_id}");
        }
        let (secret, shown) = chosen_or_made(self.password)?;
        let user = User {
            id: random::base32::<16>(),
            operator_id,
            login: self.login,
            role: self.role,
            password_hash: password::hash(&secret),
        };
        match store.add_user(&user, Clock::System.now_ms()).await {
            Err(StoreError::Taken) => bail!("the login {} is in use", user.login),
            added => added.context("cannot add the user")?,
        }
        if self.json {
            let User { id, login, role, .. } = user;
            let printed = json!({"user_id": id, "login": login, "role": role, "password": shown});
            return output::json(&printed);
        }
        show(&user.login, shown.as_deref())
    }
}

impl NewPassword {
    async fn run(self, common: &Common) -> Result<()> {
        let (store, _) = common.store().await?;
        let (secret, shown) = chosen_or_made(self.password)?;
        match store.set_password(&self.login, &password::hash(&secret)).await {
            Err(StoreError::Stale) => bail!("there is no user {}", self.login),
            set => set.context("cannot set the password")?,
        }
        if self.json {
            return output::json(&json!({"login": self.login, "password": shown}));
        }
        show(&self.login, shown.as_deref())
    }
}

/// The password, and what to print of it: one that was made here, nothing of one that was chosen.
fn chosen_or_made(chosen: Option<String>) -> Result<(String, Option<String>)> {
    let Some(secret) = chosen else {
        let secret = random::base32::<16>();
        return Ok((secret.clone(), Some(secret)));
    };
    if secret.chars().count() < password::PASSWORD_CHARS_MIN {
        bail!("a password has at least {} characters", password::PASSWORD_CHARS_MIN);
    }
    Ok((secret, None))
}

fn show(login: &str, made: Option<&str>) -> Result<()> {
    output::line(&made.map_or(login.to_owned(), |secret| format!("{login} {secret}")))
}
