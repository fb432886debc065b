//! The registry: which CRMs there are.

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
        pub fn connectable() -> impl Iterator<Item = &'static str> {
            CRMS.iter().chain(CONNECTED).copied()
        }

        /// The manifest of a CRM that can be connected: `None` for one that cannot.
        ///
        /// # Errors
        /// It is compiled in; a fault of it is found by the tests before anybody else.
        pub fn manifest(crm: &str) -> Option<Result<Manifest, ManifestError>> {
            let text = match crm {
                $(stringify!($crm) => include_str!(concat!("../manifests/", stringify!($crm), ".toml")),)*
                _ => written(crm)?,
            };
            Some(Manifest::parse(crm, text))
        }
    };
}

pub(crate) use {connected, crms};
