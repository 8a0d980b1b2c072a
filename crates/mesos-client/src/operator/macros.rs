//! One line for each call whose function is nothing but the call.

/// `name -> Type`: a call without a body, answered by a body. Both are called alike.
macro_rules! queries {
    ($api:ident: $($(#[$doc:meta])* $name:ident -> $kind:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// By class, see [`OperatorError`].
            pub async fn $name(&self) -> Result<v1::$api::response::$kind, OperatorError> {
                let response: v1::$api::Response = self.poster.ask(&v1::$api::Call {
                    r#type: Some(v1::$api::call::Type::$kind.into()),
                    ..v1::$api::Call::default()
                }).await?;
                response.$name.ok_or_else(|| self.poster.incomplete(stringify!($name)))
            }
        )*
    };
}

/// `name(field: type) -> Type`: a call with a body, answered by a body.
macro_rules! questions {
    ($api:ident: $($(#[$doc:meta])* $name:ident($($field:ident: $type:ty),*) -> $kind:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// By class, see [`OperatorError`].
            pub async fn $name(
                &self,
                $($field: impl Into<$type>),*
            ) -> Result<v1::$api::response::$kind, OperatorError> {
                let response: v1::$api::Response = self.poster.ask(&v1::$api::Call {
                    r#type: Some(v1::$api::call::Type::$kind.into()),
                    $name: Some(v1::$api::call::$kind { $($field: $field.into()),* }),
                    ..v1::$api::Call::default()
                }).await?;
                response.$name.ok_or_else(|| self.poster.incomplete(stringify!($name)))
            }
        )*
    };
}

/// `name(field: type) = Type`: a call with a body, answered by a status.
macro_rules! actions {
    ($api:ident: $($(#[$doc:meta])* $name:ident($($field:ident: $type:ty),*) = $kind:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// By class, see [`OperatorError`].
            pub async fn $name(&self, $($field: impl Into<$type>),*) -> Result<(), OperatorError> {
                self.poster.act(&v1::$api::Call {
                    r#type: Some(v1::$api::call::Type::$kind.into()),
                    $name: Some(v1::$api::call::$kind { $($field: $field.into()),* }),
                    ..v1::$api::Call::default()
                }).await
            }
        )*
    };
}

pub(super) use {actions, queries, questions};
