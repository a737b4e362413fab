//! Tocsin's database schema, the same on SQLite and PostgreSQL.
//!
//! A migration is written once, in the SQL that both databases share; `dialect::adapt`
//! inserts the few keywords that differ. To add a migration, write `mNNNN_name.rs` and list
//! it in [`Migrator`].

mod dialect;
mod m0001_initial;
mod m0002_scale;
mod m0003_accounts;

use sea_orm_migration::prelude::*;

/// Applies the migrations in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Migration),
            Box::new(m0002_scale::Migration),
            Box::new(m0003_accounts::Migration),
        ]
    }
}
