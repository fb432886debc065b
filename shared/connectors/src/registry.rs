//! The registry: which CRMs there are.

/// Declares the module of each CRM and the two ways to reach its connector. A CRM's name stands
/// here, in its own files, and nowhere else.
macro_rules! crms {
    (written: $($crm:ident)+; connected: $($connected:ident)*) => {
        $(mod $crm;)+

        /// The CRMs there are.
        pub const CRMS: &[&str] = &[$(stringify!($crm)),+];

        /// The CRMs that can be connected: those, and the ones whose connector is yet to come, which
        /// take no events.
        pub const CONNECTABLE: &[&str] = &[$(stringify!($crm),)+ $(stringify!($connected)),*];

        /// The manifest of a CRM that can be connected: `None` for one that cannot.
        ///
        /// # Errors
        /// It is compiled in; a fault of it is found by the tests before anybody else.
        pub fn manifest(crm: &str) -> Option<Result<Manifest, ManifestError>> {
            match crm {
                $(stringify!($crm) => Some(
                    Manifest::parse(stringify!($crm), include_str!(concat!("../manifests/", stringify!($crm), ".toml"))),
                ),)+
                $(stringify!($connected) => Some(
                    Manifest::parse(stringify!($connected), include_str!(concat!("../manifests/", stringify!($connected), ".toml"))),
                ),)*
                _ => None,
            }
        }

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
    };
}

pub(crate) use crms;
