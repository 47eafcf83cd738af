//! Chinese, for operators.

use super::{Admin, Books, Frame, Login, Orders, Overview, Sites, Trouble};

pub(super) static TEXT: Admin = Admin {
    frame: Frame {
        room: "运营",
        nav: "运营方页面",
        overview: "总览",
        books: "账目",
        log_out: "退出",
    },
    login: Login {
        title: "运营方登录",
        login: "账号",
        password: "密码",
        go: "登录",
        wrong: "账号或密码不对。",
        too_many: "试得太频繁了，请过一分钟再试。",
        help: "忘记密码，请联系平台管理员重设。",
    },
    overview: Overview {
        as_of: |time| format!("截至 {time}"),
        refresh: "刷新",
        today: "今天的钱",
        paid: "用户已付",
        electricity: "电费",
        service: "服务费",
        discount: "优惠",
        refunded: "已退回",
        parked: "等人处理",
        parked_none: "没有要处理的事。",
        parked_note: "系统试过多次没有成功。钱还在账上，没有丢；处理好原因后再试一次。",
        job,
        since: |time| format!("{time} 起"),
        reason: "原因",
        retry: "再试一次",
        running: "正在充电",
        running_none: "现在没有人在充电。",
        elapsed: "已充",
        energy: "电量",
        cost: "目前费用",
        prepaid: "预付",
        stop: "停止",
        stop_sure: "停止后马上断电结算，没用完的钱自动退给用户。",
        stop_yes: "确认停止",
        at: |what, place| format!("{what}：{place}"),
        only: |count| format!("只显示前 {count} 条。"),
    },
    sites: Sites {
        title: "站点",
        none: "还没有站点。用命令 saochong site add 添加。",
        no_stations: "这个站点还没有充电站。",
        online: "在线",
        offline: "离线",
        last_seen: |time| format!("最近上报 {time}"),
        never_seen: "还没有上报过",
        free: "空闲",
        plugged: "已插上",
        busy: "使用中",
        unreachable: "失联",
        faulted: "故障",
        closed: "停用",
        silent: "未上报",
        codes: "二维码",
        codes_note: "打印后贴在对应的插座旁。",
    },
    orders: Orders {
        title: "今天的订单",
        none: "今天还没有订单。",
        time: "时间",
        place: "位置",
        state: "状态",
        pending: |amount| format!("退回中 {amount}"),
        parked: |amount| format!("待处理 {amount}"),
        gone: "插座已不在",
    },
    books: Books {
        title: "账目",
        lead: "每一笔都是复式记账，左右两边必须相等。",
        assets: "钱在哪里",
        claims: "钱是谁的",
        account,
        sum: "合计",
        check: "核账",
        whole: "账目完整：每笔收支平衡，每张订单对得上。",
        wrong: |count| format!("发现 {count} 处不对"),
        checked: |transactions, amount, orders| {
            format!("核对了 {transactions} 笔分录、借贷各 {amount}、{orders} 张订单。")
        },
        wrong_note: "请保留这一页并联系平台管理员。",
    },
    trouble: Trouble {
        not_found: ("这里没有内容", "它不存在，或者不属于你的公司。"),
        not_allowed: ("你的角色不能做这件事", "请让有权限的同事来做。"),
        bad_form: ("没有执行", "这个请求不是从本页面发出的。请回到总览重新操作。"),
        too_late: ("已经不需要了", "订单的状态已经变了，什么都没有改动。"),
        internal: ("出了点问题", "什么都没有改动。请稍后再试。"),
        back: "回到总览",
    },
};

fn job(kind: &str) -> &'static str {
    match kind {
        "refund" => "退款",
        "start_socket" => "启动插座",
        "stop_socket" => "停止插座",
        "close_payments" => "关闭支付单",
        "query_payment" => "查询支付结果",
        "settle_forgotten" => "补结算",
        "record_free_energy" => "记录免费电量",
        "timer" => "到点检查",
        _ => "其他任务",
    }
}

fn account(kind: &str) -> &'static str {
    match kind {
        "clearing" => "支付平台代管",
        "discount" => "给用户的优惠",
        "prepaid" => "用户预付，尚未结算",
        "refunds" => "应退给用户，平台尚未确认",
        "electricity" => "电费收入",
        "service" => "服务费收入",
        _ => "其他",
    }
}
