# Guest RPC Ping by Terraform, beside a broker that exists: `npm run release` first. It has CloudFormation make the stack,
# so that alarms, dashboard and policies are those of the release.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "code_bucket" {
  description = "A bucket in the broker's region, which keeps the functions' code."
  type        = string
}

variable "broker_id" {
  description = "The id of the broker, b-…"
  type        = string
}

variable "broker_secret_arn" {
  description = "The full ARN of the secret with the functions' user; see The broker's user in infra/README.md."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets that reach the broker; their route tables have a gateway endpoint of S3."
  type        = list(string)
}

variable "broker_connections" {
  description = "How many connections the broker takes, on all nodes together."
  type        = number
}

variable "broker_queues" {
  description = "How many queues the broker takes."
  type        = number
}

locals {
  release = "${path.module}/../../../dist/release"
  files   = fileset(local.release, "{*.zip,*.json}")
  # A new release has new names, by which CloudFormation sees that the code has changed.
  prefix = "guest-rpc-ping/${sha256(join("", [for file in local.files : filesha256("${local.release}/${file}")]))}/"
}

data "aws_mq_broker" "trove" {
  broker_id = var.broker_id
}

data "aws_subnet" "first" {
  id = var.subnet_ids[0]
}

data "aws_region" "current" {}

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.current.name}.s3"
}

resource "aws_s3_object" "release" {
  for_each = local.files
  bucket   = var.code_bucket
  key      = "${local.prefix}${each.value}"
  source   = "${local.release}/${each.value}"
}

resource "aws_cloudformation_stack" "guest_rpc_ping" {
  name         = "guest-rpc-ping"
  template_url = "https://${var.code_bucket}.s3.${data.aws_region.current.name}.amazonaws.com/${aws_s3_object.release["guest-rpc-ping.template.json"].key}"
  capabilities = ["CAPABILITY_IAM"]
  parameters = {
    CodeBucket            = var.code_bucket
    CodePrefix            = local.prefix
    Vpc                   = data.aws_subnet.first.vpc_id
    SubnetIds             = join(",", var.subnet_ids)
    BrokerName            = data.aws_mq_broker.trove.broker_name
    BrokerUrl             = data.aws_mq_broker.trove.instances[0].endpoints[0]
    BrokerSecretArn       = var.broker_secret_arn
    BrokerSecurityGroupId = one(data.aws_mq_broker.trove.security_groups)
    BrokerMaxConnections  = var.broker_connections
    BrokerMaxQueues       = var.broker_queues
    ConnectionsAlarmAt    = ceil(0.8 * var.broker_connections)
    QueuesAlarmAt         = ceil(0.8 * var.broker_queues)
    S3PrefixListId        = data.aws_ec2_managed_prefix_list.s3.id
  }
  depends_on = [aws_s3_object.release]
}

output "url" {
  description = "Of the API."
  value       = aws_cloudformation_stack.guest_rpc_ping.outputs["Url"]
}
