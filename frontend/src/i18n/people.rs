use tocsin_api_types::NotificationState;

super::words! {
    /// Recipients, groups, routes and mails.
    People;
    mail_state [fn(NotificationState) -> &'static str]: |s| match s {
        NotificationState::Queued => "queued",
        NotificationState::Sending => "sending",
        NotificationState::Sent => "sent",
        NotificationState::Failed => "failed",
        NotificationState::Written => "written to a file",
    }, |s| match s {
        NotificationState::Queued => "待发送",
        NotificationState::Sending => "发送中",
        NotificationState::Sent => "已发送",
        NotificationState::Failed => "发送失败",
        NotificationState::Written => "已写入文件",
    };
}
