//! The registry: which CRMs there are.
//!
//! What is compiled in stands in `lib.rs`. A [`Registry`] is what a hub is given: production gives it
//! nothing more; a test may bring a CRM of its own, or another connector for one that is compiled in,
//! which then goes through the same engine.

use std::{collections::BTreeMap, sync::Arc};

use hub_domain::CrmId;

use crate::{
    CRMS, WEBHOOKS, connectable, connector,
    connector::Connector,
    manifest,
    manifest::{Manifest, ManifestError},
};

/// The CRMs a hub knows: those that are compiled in, unless others were added.
#[derive(Clone, Default)]
pub struct Registry {
    others: BTreeMap<String, Arc<dyn Connector>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.delivering()).finish()
    }
}

impl Registry {
    /// One CRM more, or another connector for one that is there.
    #[must_use]
    pub fn with(mut self, crm: &CrmId, connector: Arc<dyn Connector>) -> Self {
        self.others.insert(crm.to_string(), connector);
        self
    }

    /// The CRMs that take events.
    pub fn delivering(&self) -> impl Iterator<Item = &str> {
        self.joined(CRMS.iter().copied())
    }

    /// Everything that deliveries go to, each with queues of its own: the CRMs that take events, and the
    /// webhooks, which all go through the same.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.delivering().chain([WEBHOOKS])
    }

    /// Whether a CRM takes events.
    pub fn delivers(&self, crm: &CrmId) -> bool {
        self.delivering().any(|known| known == crm.as_str())
    }

    /// The CRMs that can be connected, whether they take events yet or not.
    pub fn connectable(&self) -> impl Iterator<Item = &str> {
        self.joined(connectable())
    }

    fn joined(
        &self,
        compiled_in: impl Iterator<Item = &'static str> + Clone,
    ) -> impl Iterator<Item = &str> {
        let known = compiled_in.clone();
        let added = self.others.keys().map(String::as_str);
        // Shorter lives, so that both ends of the chain are of one type.
        let compiled_in = compiled_in.map(|crm: &'static str| -> &str { crm });
        compiled_in.chain(added.filter(move |crm| known.clone().all(|known| known != *crm)))
    }

    /// The connector of a CRM: `None` for one that is not there.
    ///
    /// # Errors
    /// A manifest that is compiled in is wrong.
    pub fn connector(&self, crm: &CrmId) -> Option<Result<Arc<dyn Connector>, ManifestError>> {
        match self.others.get(crm.as_str()) {
            Some(other) => Some(Ok(other.clone())),
            None => connector(crm.as_str()),
        }
    }

    /// The manifest of a CRM that can be connected: `None` for one that cannot.
    ///
    /// # Errors
    /// A manifest that is compiled in is wrong.
    pub fn manifest(&self, crm: &CrmId) -> Option<Result<Manifest, ManifestError>> {
        match self.others.get(crm.as_str()) {
            Some(other) => Some(Ok(other.manifest().clone())),
            None => manifest(crm.as_str()),
        }
    }
}

/// Declares the module of each CRM and the ways to reach its manifest and connector. A CRM's name stands
/// here, in its own files, and nowhere else.
macro_rules! crms {
    ($($crm:ident)+) => {
        $(mod $crm;)+

        /// The CRMs there are.
        pub const CRMS: &[&str] = &[$(stringify!($crm)),+];

        /// The connector of a CRM, its manifest parsed: `None` for one that does not exist.
        ///
        /// # Errors
        /// The manifest is compiled in; a fault of it is found by the tests before anybody else.
        pub fn connector(crm: &str) -> Option<Result<std::sync::Arc<dyn Connector>, ManifestError>> {
            match crm {
                $(stringify!($crm) => manifest(crm).map(|manifest| {
                    manifest.map(|manifest| std::sync::Arc::new($crm::connector(manifest)) as std::sync::Arc<dyn Connector>)
                }),)+
                _ => None,
            }
        }

        fn written(crm: &str) -> Option<&'static str> {
            match crm {
                $(stringify!($crm) => Some(include_str!(concat!("../manifests/", stringify!($crm), ".toml"))),)+
                _ => None,
            }
        }
    };
}

/// Declares the CRMs whose manifest is there and whose connector is yet to come.
macro_rules! connected {
    ($($crm:ident)*) => {
        /// The CRMs that can be connected and take no events yet.
        pub const CONNECTED: &[&str] = &[$(stringify!($crm)),*];

        /// Every CRM that can be connected.
        pub fn connectable() -> impl Iterator<Item = &'static str> + Clone {
            CRMS.iter().chain(CONNECTED).copied()
        }

        /// The manifest of a CRM that can be connected: `None` for one that cannot.
        ///
        /// # Errors
        /// It is compiled in; a fault of it is found by the tests before anybody else.
        pub fn manifest(crm: &str) -> Option<Result<Manifest, ManifestError>> {
            let only_connected: &[(&str, &str)] =
                &[$((stringify!($crm), include_str!(concat!("../manifests/", stringify!($crm), ".toml")))),*];
            let found = only_connected.iter().find(|(name, _)| *name == crm);
            let text = found.map_or_else(|| written(crm), |(_, text)| Some(*text))?;
            Some(Manifest::parse(crm, text))
        }
    };
}

pub(crate) use {connected, crms};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_connector_replaces_or_joins_what_is_compiled_in() {
        let first = CRMS.first().copied().unwrap();
        let other = connector(CRMS.last().copied().unwrap()).unwrap().unwrap();
        let plain = Registry::default();
        assert_eq!(plain.delivering().collect::<Vec<_>>(), CRMS);
        let (acme, known): (CrmId, CrmId) = ("acme".parse().unwrap(), first.parse().unwrap());
        assert!(!plain.delivers(&acme) && plain.connector(&acme).is_none());
        let registry = plain.with(&acme, other.clone()).with(&known, other.clone());
        let crms: Vec<&str> = CRMS.iter().copied().chain(["acme"]).collect();
        assert_eq!(registry.delivering().collect::<Vec<_>>(), crms);
        assert!(registry.connectable().any(|crm| crm == "acme"));
        for crm in [acme, known] {
            let title = &other.manifest().title;
            assert!(registry.delivers(&crm));
            assert_eq!(
                registry.connector(&crm).unwrap().unwrap().manifest().title,
                *title
            );
            assert_eq!(registry.manifest(&crm).unwrap().unwrap().title, *title);
        }
    }
}
