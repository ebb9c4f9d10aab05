//! The way from an [`Address`] to guarded sessions.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};

use super::address::{Address, HostOrder};
use super::connect::{Connected, connect};
use super::own_backends::OwnBackends;
use super::session::{APPLICATION, CancelFn, Connector, NewConnection};
use crate::Failure;

/// Makes connections to an address.
#[derive(Debug, Clone)]
pub struct ToAddress {
    address: Address,
    target: String,
    own: OwnBackends,
    /// The position in the address of the host that was reached last.
    reached: Arc<Mutex<Option<usize>>>,
    /// A connection that was made already, for whoever asks first.
    made: Arc<Mutex<Option<Connected>>>,
}

impl ToAddress {
    /// Connects to an address whose password is in it; `target` is what the user knows it as, without its password.
    ///
    /// The `application_name` is this program's in any case, so that others can tell its backends.
    pub fn new(mut address: Address, target: impl Into<String>) -> Self {
        APPLICATION.clone_into(&mut address.application_name);
        Self {
            address,
            target: target.into(),
            own: OwnBackends::default(),
            reached: Arc::default(),
            made: Arc::default(),
        }
    }

    /// Hands out a connection that was made to this address before it makes another: that one costs no round trip.
    #[must_use]
    pub fn beginning_with(self, made: Connected) -> Self {
        Self { made: Arc::new(Mutex::new(Some(made))), ..self }
    }

    fn made(&self) -> Option<Connected> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn reached(&self) -> Option<usize> {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the address with the host that was reached last first: a cancel or a slow question must not go to another
    /// server than the one that is shown.
    fn staying(&self) -> (Address, usize) {
        let mut address = self.address.clone();
        let first = self.reached().unwrap_or_default();
        if first > 0 || self.reached().is_some() {
            address.order = HostOrder::Given;
            address.hosts.rotate_left(first);
        }
        (address, first)
    }
}

impl Connector for ToAddress {
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>> {
        async {
            let (address, first) = self.staying();
            let connected = match self.made() {
                Some(made) => made,
                None => connect(&address).await?,
            };
            let Connected { client, driver, canceller, reached } = connected;
            let host = (first + reached.host) % address.hosts.len().max(1);
            *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(host);
            let cancel = move || {
                let canceller = canceller.clone();
                async move { canceller.cancel().await.map_err(|error| error.to_string()) }.boxed()
            };
            Ok(self.own.with(NewConnection::of(client, driver, CancelFn::new(cancel))).await)
        }
        .boxed()
    }

    /// Returns what the user knows the target as; of several hosts, the one that was reached.
    fn target(&self) -> String {
        let reached = self.reached().filter(|_| self.address.hosts.len() > 1);
        let Some(host) = reached.and_then(|at| self.address.hosts.get(at)) else { return self.target.clone() };
        if self.target == self.address.to_string() {
            return Address { hosts: vec![host.clone()], ..self.address.clone() }.to_string();
        }
        format!("{} ({host})", self.target)
    }

    fn own_backends(&self) -> OwnBackends {
        self.own.clone()
    }
}
