//! One row of the table of endpoints: what serves it and what the OpenAPI document says about it, in one place, so that
//! neither can be there without the other.

use std::borrow::Cow;

use actix_web::{FromRequest, Handler, Responder, Route, guard, http::Method, web};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::extract::FromJson;
use crate::problem::ErrorCode;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anyone.
    Anyone,
    /// Anyone signed in.
    User,
    /// A member of the room (or anyone, where a public room is only looked at).
    Member,
    /// An admin or owner of the room.
    Admin,
    /// An owner of the room.
    Owner,
}

/// A type's schema, to be taken by value.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Its name.
    pub(crate) name: fn() -> Cow<'static, str>,
    /// The schema.
    pub(crate) schema: fn() -> RefOr<Schema>,
    /// Those it refers to.
    pub(crate) others: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    /// Of a type.
    pub(crate) const fn of<T: ToSchema>() -> Self {
        Self { name: T::name, schema: T::schema, others: T::schemas }
    }
}

/// What a body holds.
#[derive(Clone, Copy)]
pub(crate) struct Takes {
    /// Its members.
    pub(crate) shape: Shape,
    /// There must be one.
    pub(crate) is_required: bool,
}

/// What a good answer holds.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    /// No body.
    Nothing,
    /// One object.
    One(Shape),
    /// A page of objects.
    Page(Shape),
    /// A document of this media type.
    Document(&'static str),
}

/// A query parameter.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// `string`, or `integer`.
    pub(crate) kind: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
}

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) about: &'static str,
    pub(crate) takes: Option<Takes>,
    pub(crate) gives: Vec<(u16, Gives)>,
    pub(crate) query: Vec<Parameter>,
    pub(crate) refuses: Vec<ErrorCode>,
    route: Route,
}

impl Endpoint {
    /// A method of a path, under a name, for whom, what it does, and what does it.
    pub(crate) fn new<F, Args>(
        (method, path): (Method, &'static str),
        name: &'static str,
        who: Who,
        about: &'static str,
        handler: F,
    ) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().to(handler);
        Self {
            method,
            path,
            name,
            who,
            about,
            takes: None,
            gives: Vec::new(),
            query: Vec::new(),
            refuses: Vec::new(),
            route,
        }
    }

    /// A body.
    pub(super) fn takes<T: ToSchema + FromJson>(mut self) -> Self {
        self.takes = Some(Takes { shape: Shape::of::<T>(), is_required: !T::MAY_BE_ABSENT });
        self
    }

    /// One object.
    pub(crate) fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        self.gives.push((status, Gives::One(Shape::of::<T>())));
        self
    }

    /// A page, which takes `cursor` and `limit`.
    pub(crate) fn pages<T: ToSchema>(mut self) -> Self {
        self.gives.push((200, Gives::Page(Shape::of::<T>())));
        self.query("cursor", "string", "`next` of the page before").query("limit", "integer", "1 … 100, else 50")
    }

    /// A status without a body.
    pub(crate) fn empty(mut self, status: u16) -> Self {
        self.gives.push((status, Gives::Nothing));
        self
    }

    /// A document of a media type.
    pub(crate) fn document(mut self, media: &'static str) -> Self {
        self.gives.push((200, Gives::Document(media)));
        self
    }

    /// A query parameter.
    pub(crate) fn query(mut self, name: &'static str, kind: &'static str, about: &'static str) -> Self {
        self.query.push(Parameter { name, kind, about });
        self
    }

    /// How it may fail, beside what every endpoint of its kind may.
    pub(crate) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.refuses.extend_from_slice(codes);
        self
    }

    /// For `Allow`: `HEAD` is served wherever `GET` is (RFC 9110 §9.1).
    pub(crate) fn methods(&self) -> String {
        if self.method == Method::GET { "GET, HEAD".to_owned() } else { self.method.to_string() }
    }

    /// What serves it.
    pub(crate) fn route(self) -> Route {
        if self.method == Method::GET {
            self.route.guard(guard::Any(guard::Get()).or(guard::Head()))
        } else {
            self.route.method(self.method)
        }
    }
}
