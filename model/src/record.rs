//! The JSON records: one object a line, described by a JSON Schema.

/// The value of a record's `schema` field.
pub const SCHEMA_NAME: &str = "mapsan/1";

/// The JSON Schema (draft 2020-12) that every record follows.
pub const JSON_SCHEMA: &str = include_str!("../record.schema.json");
