//! The merchant at `WeChat` Pay, on the command line and in the environment.

use std::path::PathBuf;

use clap::Args;
use server::config::WechatLayer;

macro_rules! wechat_args {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $flag:literal, $env:literal, $value:literal;)*) => {
        /// The merchant at `WeChat` Pay.
        #[derive(Args)]
        pub struct WechatArgs {
            $($(#[$doc])* #[arg(id = $flag, long = $flag, env = $env, value_name = $value)]
            $field: Option<$kind>,)*
        }

        impl From<WechatArgs> for WechatLayer {
            fn from(arguments: WechatArgs) -> Self {
                Self { $($field: arguments.$field,)* }
            }
        }
    };
}

wechat_args! {
    /// WeChat Pay's address [default: production's]
    base_url: String = "wechat-base-url", "SAOCHONG_WECHAT_BASE_URL", "URL";
    /// Where WeChat login codes are exchanged [default: production's]
    api_url: String = "wechat-api-url", "SAOCHONG_WECHAT_API_URL", "URL";
    /// Where a rider's browser logs in at WeChat [default: production's]
    authorize_url: String = "wechat-authorize-url", "SAOCHONG_WECHAT_AUTHORIZE_URL", "URL";
    /// The merchant's number at WeChat Pay
    mchid: String = "wechat-mchid", "SAOCHONG_WECHAT_MCHID", "NUMBER";
    /// The official account or mini-program that payments belong to
    appid: String = "wechat-appid", "SAOCHONG_WECHAT_APPID", "ID";
    /// A file with that app's secret, for logins
    app_secret_file: PathBuf = "wechat-app-secret-file", "SAOCHONG_WECHAT_APP_SECRET_FILE", "FILE";
    /// The mini-program's id, if it is another app
    mini_appid: String = "wechat-mini-appid", "SAOCHONG_WECHAT_MINI_APPID", "ID";
    /// A file with the mini-program's secret
    mini_secret_file: PathBuf = "wechat-mini-secret-file", "SAOCHONG_WECHAT_MINI_SECRET_FILE", "FILE";
    /// The serial number of the merchant's API certificate
    serial_no: String = "wechat-serial-no", "SAOCHONG_WECHAT_SERIAL_NO", "HEX";
    /// A file with the private key of that certificate, PKCS#8 or PKCS#1
    private_key_file: PathBuf = "wechat-private-key-file", "SAOCHONG_WECHAT_PRIVATE_KEY_FILE", "FILE";
    /// A file with the `APIv3` key
    api_v3_key_file: PathBuf = "wechat-api-v3-key-file", "SAOCHONG_WECHAT_API_V3_KEY_FILE", "FILE";
    /// The id of WeChat Pay's public key (`PUB_KEY_ID_…`)
    public_key_id: String = "wechat-public-key-id", "SAOCHONG_WECHAT_PUBLIC_KEY_ID", "ID";
    /// A file with WeChat Pay's public key
    public_key_file: PathBuf = "wechat-public-key-file", "SAOCHONG_WECHAT_PUBLIC_KEY_FILE", "FILE";
    /// Whether WeChat Pay's platform certificates are believed too [default: without a public key]
    platform_certificates: bool =
        "wechat-platform-certificates", "SAOCHONG_WECHAT_PLATFORM_CERTIFICATES", "true|false";
    /// The service id of WeChat's pay score
    score_service_id: String = "wechat-score-service-id", "SAOCHONG_WECHAT_SCORE_SERVICE_ID", "ID";
    /// A file with the `APIv2` key, which pay score needs
    api_v2_key_file: PathBuf = "wechat-api-v2-key-file", "SAOCHONG_WECHAT_API_V2_KEY_FILE", "FILE";
    /// Whether payments at WeChat Pay are kept back for profit sharing [default: false]
    profit_sharing: bool = "wechat-profit-sharing", "SAOCHONG_WECHAT_PROFIT_SHARING", "true|false";
}
