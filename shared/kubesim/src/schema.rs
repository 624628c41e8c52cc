//! What types of objects look like: what is merged how, what is written when, what is filled in.
//!
//! Source: k8s.io/kube-openapi/pkg/schemaconv (types), the Go types of Kubernetes (what is written when empty).

mod structural;
mod table;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub(crate) use structural::structural;
pub(crate) use table::{Kind, table};

/// The type of a value.
#[derive(Debug, Clone)]
pub(crate) enum Type {
    /// A text, bytes in base64 too.
    Text,
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// True or false.
    Truth,
    /// An amount with a unit (`100m`, `2Gi`), kept in its canonical form.
    Quantity,
    /// A number or a text: a port, a percentage.
    Either,
    /// An instant.
    Time,
    /// Whatever it is: maps merge field by field, lists whole.
    Any,
    /// A type of the table, by its index there.
    Named(usize),
    /// A type of a custom resource.
    Struct(Arc<Struct>),
    /// Values by keys.
    Map(Arc<Type>, Relation),
    /// Values in order.
    List(Arc<Type>, Items),
}

/// Whether a map is owned field by field or as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Field by field.
    Granular,
    /// As a whole.
    Atomic,
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Items {
    /// They are not: the list is owned as a whole.
    Atomic,
    /// By their value.
    Set,
    /// By these fields.
    Keyed(Vec<String>),
}

/// A type with named fields.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) relation: Relation,
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) others: Others,
    /// Only of custom resources: what a value has to fulfil besides.
    pub(crate) required: Vec<String>,
}

/// What becomes of fields that a type does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// Refused by an apply, dropped elsewhere.
    Refused,
    /// Kept, whatever they are.
    Kept,
}

/// A field of a type.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) of: Type,
    pub(crate) written: Written,
    pub(crate) default: Option<Value>,
    pub(crate) patch: Option<Strategy>,
    /// Only of custom resources.
    pub(crate) limits: Limits,
}

/// What a value of a custom resource has to fulfil.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub(crate) nullable: bool,
    pub(crate) one_of: Vec<Value>,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
}

/// When a field without a value appears in what the server stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// If it was given (a pointer).
    Given,
    /// Unless it is zero, false or empty.
    UnlessEmpty,
    /// Always, with the zero value of its type.
    Always,
    /// Always, as null.
    OrNull,
}

/// How a strategic merge patch treats a field.
/// Source: k8s.io/apimachinery/pkg/util/strategicpatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strategy {
    /// `merge`, `retainKeys` or both.
    pub(crate) name: String,
    /// The field that tells the items of a list apart, if they are maps.
    pub(crate) key: Option<String>,
}

/// How a value is walked: what the field sets of server-side apply can tell apart.
pub(crate) enum Shape<'a> {
    /// As a whole.
    Leaf,
    /// By the names of its fields.
    Map,
    /// By its items.
    List(&'a Type, &'a Items),
}

impl Type {
    /// The type with named fields behind it, if it is one.
    pub(crate) fn as_struct(&self) -> Option<&Struct> {
        match self {
            Self::Named(index) => table().types.get(*index),
            Self::Struct(inner) => Some(inner),
            Self::Text
            | Self::Whole
            | Self::Number
            | Self::Truth
            | Self::Quantity
            | Self::Either
            | Self::Time
            | Self::Any
            | Self::Map(..)
            | Self::List(..) => None,
        }
    }

    /// How it is walked, given the values at hand: the type `Any` is known by them.
    pub(crate) fn shape(&self, values: [Option<&Value>; 2]) -> Shape<'_> {
        match self {
            Self::Any if values.iter().flatten().any(|value| value.is_object()) => Shape::Map,
            Self::Map(_, Relation::Granular) => Shape::Map,
            Self::List(_, Items::Atomic) | Self::Map(_, Relation::Atomic) => Shape::Leaf,
            Self::List(of, items) => Shape::List(of, items),
            Self::Named(_) | Self::Struct(_) => match self.as_struct().map(|of| of.relation) {
                Some(Relation::Granular) => Shape::Map,
                Some(Relation::Atomic) | None => Shape::Leaf,
            },
            Self::Text
            | Self::Whole
            | Self::Number
            | Self::Truth
            | Self::Quantity
            | Self::Either
            | Self::Time
            | Self::Any => Shape::Leaf,
        }
    }

    /// The type of its items, if it is a list.
    pub(crate) fn item(&self) -> Option<&Type> {
        match self {
            Self::List(of, _) => Some(of),
            Self::Text
            | Self::Whole
            | Self::Number
            | Self::Truth
            | Self::Quantity
            | Self::Either
            | Self::Time
            | Self::Any
            | Self::Named(_)
            | Self::Struct(_)
            | Self::Map(..) => None,
        }
    }

    /// Whether it is a type of the table, not one of a custom resource.
    pub(crate) fn is_built_in(&self) -> bool {
        self.as_struct().is_some() && !matches!(self, Self::Struct(_))
    }

    /// The field of that name, if the type names it.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.as_struct()?.fields.get(name)
    }

    /// The type of the value under a name; `None` if there may be none.
    pub(crate) fn child(&self, name: &str) -> Option<&Type> {
        static ANY: Type = Type::Any;
        match self {
            Self::Any => Some(&ANY),
            Self::Map(of, _) => Some(of),
            Self::Named(_) | Self::Struct(_) => {
                let inner = self.as_struct()?;
                let others = match inner.others {
                    Others::Kept => Some(&ANY),
                    Others::Refused => None,
                };
                inner.fields.get(name).map(|field| &field.of).or(others)
            }
            Self::Text
            | Self::Whole
            | Self::Number
            | Self::Truth
            | Self::Quantity
            | Self::Either
            | Self::Time
            | Self::List(..) => None,
        }
    }
}
