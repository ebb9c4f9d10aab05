//! The way from an [`Address`] to guarded sessions.

use futures_util::future::{BoxFuture, FutureExt as _};

use super::address::Address;
use super::connect::{Connected, connect};
use super::own_backends::OwnBackends;
use super::session::{APPLICATION, Canceller, Connector, Link};
use crate::Failure;

/// Makes connections to an address.
#[derive(Debug, Clone)]
pub struct ToAddress {
    address: Address,
    target: String,
    own: OwnBackends,
}

impl ToAddress {
    /// Connects to an address whose password is in it; `target` is what the user knows it as, without its password.
    ///
    /// The `application_name` is this program's in any case, so that others can tell its backends.
    pub fn new(mut address: Address, target: impl Into<String>) -> Self {
        APPLICATION.clone_into(&mut address.application_name);
        Self { address, target: target.into(), own: OwnBackends::default() }
    }
}

impl Connector for ToAddress {
    fn connect(&self) -> BoxFuture<'_, Result<Link, Failure>> {
        async {
            let Connected { client, driver, canceller, .. } = connect(&self.address).await?;
            let cancel = move || {
                let canceller = canceller.clone();
                async move { canceller.cancel().await.map_err(|error| error.to_string()) }.boxed()
            };
            Ok(self.own.with(Link::of(client, driver, Canceller::new(cancel))).await)
        }
        .boxed()
    }

    fn target(&self) -> String {
        self.target.clone()
    }

    fn own_backends(&self) -> OwnBackends {
        self.own.clone()
    }
}
