//! Passwords of users. Nobody can sign in with one here; they are kept, judged and reported as AWS does.
//!
//! Invariant: a password is derived outside of transactions, and stored only as a salted slow hash.

use crate::error;
use crate::holders::Holder;
use crate::identities::find;
use crate::state::password_policy::violation;
use crate::state::{Derived, LoginProfile, PasswordPolicy, User, home};
use crate::users::own_name;
use yakumo_api_iam::{
    ChangePasswordInput, ChangePasswordOutput, CreateLoginProfileInput, CreateLoginProfileOutput,
    DeleteLoginProfileInput, DeleteLoginProfileOutput, GetLoginProfileInput, GetLoginProfileOutput,
    LoginProfile as Shown, UpdateLoginProfileInput, UpdateLoginProfileOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_policy::PrincipalKind;
use yakumo_room::{Ctx, Tx};

fn not_found(user: &str) -> Error {
    error::no_such_entity(format!("Login Profile for User {user} cannot be found."))
}

fn exists(user: &str) -> Error {
    error::already_exists(format!("Login Profile for User {user} already exists."))
}

fn too_weak(text: String) -> Error {
    Error::sender("PasswordPolicyViolationException", text)
}

fn shown(user: &User, profile: &LoginProfile) -> Shown {
    Shown {
        user_name: user.name.clone(),
        create_date: profile.created,
        password_reset_required: Some(profile.reset_required),
    }
}

async fn policy(ctx: &Ctx) -> Result<Option<PasswordPolicy>> {
    ctx.get::<PasswordPolicy>(&home(ctx.account()), &[]).await
}

async fn check_strength(ctx: &Ctx, password: &str) -> Result<()> {
    violation(policy(ctx).await?.as_ref(), password).map_or(Ok(()), |text| Err(too_weak(text)))
}

/// The profile of a user of that name (or the caller), as last committed.
async fn look_up(ctx: &Ctx, name: Option<&str>) -> Result<(User, Option<LoginProfile>)> {
    ctx.transact(|tx| async move {
        let user = Holder::find(&tx, ctx, name).await?.into_user()?;
        let profile = tx.get::<LoginProfile>(&home(ctx.account()), &[&user.unique_id]).await?;
        Ok((user, profile))
    })
    .await
}

pub(crate) async fn create_login_profile(
    ctx: Ctx,
    input: CreateLoginProfileInput,
) -> Result<CreateLoginProfileOutput> {
    // AWS: the password is only left out in sessions of AssumeRoot, which do not exist here.
    let Some(password) = input.password else { return Err(error::null("password")) };
    let (_, known) = look_up(&ctx, input.user_name.as_deref()).await?;
    check_strength(&ctx, &password).await?;
    // Deriving is dear: not for what is refused anyway.
    let derived = match known {
        None => Some(Derived::fresh(ctx.base(), &password).await?),
        Some(_) => None,
    };
    let reset_required = input.password_reset_required.unwrap_or_default();
    let now = ctx.now();
    let login_profile = ctx
        .transact(|tx| {
            let (ctx, name, derived) = (&ctx, input.user_name.as_deref(), derived.clone());
            async move {
                let user = Holder::find(&tx, ctx, name).await?.into_user()?;
                let scope = home(ctx.account());
                let free = tx.get::<LoginProfile>(&scope, &[&user.unique_id]).await?.is_none();
                let Some(derived) = derived.filter(|_| free) else { return Err(exists(&user.name)) };
                let profile = LoginProfile::new(derived, reset_required, now);
                tx.put(&scope, &[&user.unique_id], &profile);
                Ok(shown(&user, &profile))
            }
        })
        .await?;
    Ok(CreateLoginProfileOutput { login_profile })
}

pub(crate) async fn get_login_profile(
    ctx: Ctx,
    input: GetLoginProfileInput,
) -> Result<GetLoginProfileOutput> {
    let (user, profile) = look_up(&ctx, input.user_name.as_deref()).await?;
    let profile = profile.ok_or_else(|| not_found(&user.name))?;
    Ok(GetLoginProfileOutput { login_profile: shown(&user, &profile) })
}

/// AWS: what is not given stays as it is
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateLoginProfile.html>).
pub(crate) async fn update_login_profile(
    ctx: Ctx,
    input: UpdateLoginProfileInput,
) -> Result<UpdateLoginProfileOutput> {
    let (user, profile) = look_up(&ctx, Some(&input.user_name)).await?;
    let profile = profile.ok_or_else(|| not_found(&user.name))?;
    let derived = match &input.password {
        Some(password) => Some(judged(&ctx, password, &profile).await?),
        None => None,
    };
    change(&ctx, &user.name, derived.as_ref(), |_| Ok(()), input.password_reset_required).await?;
    Ok(UpdateLoginProfileOutput {})
}

/// A new password that the policy lets be, derived; refused when it was used too recently.
async fn judged(ctx: &Ctx, password: &str, profile: &LoginProfile) -> Result<Derived> {
    check_strength(ctx, password).await?;
    let derived = Derived::like(ctx.base(), password, profile).await?;
    let remembered = policy(ctx).await?.and_then(|policy| policy.reuse_prevention).unwrap_or_default();
    let count = usize::try_from(remembered).unwrap_or_default();
    if profile.is_among_last(count, &derived) {
        return Err(too_weak(format!(
            "Password should not be the same as any of the last {count} passwords"
        )));
    }
    Ok(derived)
}

/// Writes a profile that `check` lets be changed.
async fn change(
    ctx: &Ctx,
    user: &str,
    derived: Option<&Derived>,
    check: impl Fn(&LoginProfile) -> Result<()>,
    reset_required: Option<bool>,
) -> Result<()> {
    let now = ctx.now();
    ctx.transact(|tx| {
        let (derived, check) = (derived, &check);
        async move {
            let (scope, mut profile, key) = find_profile(&tx, ctx, user).await?;
            check(&profile)?;
            if let Some(derived) = derived {
                // A profile that was made anew meanwhile has another salt, so that nothing was compared with it.
                if !profile.fits(derived) {
                    return Err(not_found(user));
                }
                profile.change(derived.clone(), now);
            }
            profile.reset_required = reset_required.unwrap_or(profile.reset_required);
            tx.put(&scope, &[&key], &profile);
            Ok(())
        }
    })
    .await
}

async fn find_profile(tx: &Tx, ctx: &Ctx, user: &str) -> Result<(yakumo_room::Scope, LoginProfile, String)> {
    let scope = home(ctx.account());
    let user: User = find(tx, ctx.account(), user).await?;
    let profile = tx.get::<LoginProfile>(&scope, &[&user.unique_id]).await?;
    Ok((scope, profile.ok_or_else(|| not_found(&user.name))?, user.unique_id))
}

pub(crate) async fn delete_login_profile(
    ctx: Ctx,
    input: DeleteLoginProfileInput,
) -> Result<DeleteLoginProfileOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let user = Holder::find(&tx, ctx, input.user_name.as_deref()).await?.into_user()?;
            let (scope, _, key) = find_profile(&tx, ctx, &user.name).await?;
            tx.delete::<LoginProfile>(&scope, &[&key]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteLoginProfileOutput {})
}

/// Users only: the root user's password is changed in the console.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ChangePassword.html>
pub(crate) async fn change_password(ctx: Ctx, input: ChangePasswordInput) -> Result<ChangePasswordOutput> {
    if ctx.caller().principal.kind != PrincipalKind::User {
        let text = "Only IAM Users can change their own password.";
        return Err(Error::sender("InvalidUserTypeException", text));
    }
    let name = own_name(&ctx)?.ok_or_else(error::must_name_user)?;
    let (user, profile) = look_up(&ctx, Some(&name)).await?;
    let profile = profile.ok_or_else(|| not_found(&user.name))?;
    let old = Derived::like(ctx.base(), &input.old_password, &profile).await?;
    let check = |profile: &LoginProfile| match profile.is(&old) {
        true => Ok(()),
        false => Err(error::denied("The old password was incorrect.")),
    };
    check(&profile)?;
    let new = judged(&ctx, &input.new_password, &profile).await?;
    change(&ctx, &user.name, Some(&new), check, Some(false)).await?;
    Ok(ChangePasswordOutput {})
}
