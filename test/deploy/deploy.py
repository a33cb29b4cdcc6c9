"""Makes every resource of CDK's templates by the API that CloudFormation would call, in the order of their dependencies.

deploy.py CDK.OUT STACK... : the stacks in order, against AWS_ENDPOINT_URL; prints their outputs, resolved, as JSON.
CloudFormation's own emulation in moto lacks a third of these types; its APIs take all.
"""

import io
import json
import os
import re
import sys
import zipfile

import boto3

ACCOUNT, REGION = '123456789012', os.environ['AWS_REGION']
PSEUDO = {
    'AWS::AccountId': ACCOUNT, 'AWS::Region': REGION, 'AWS::Partition': 'aws', 'AWS::URLSuffix': 'amazonaws.com',
    'AWS::NoValue': None,
}
clients = {}


def api(service):
    return clients.setdefault(service, boto3.client(service, region_name=REGION))


def camel(value):
    """The names of properties as APIs with small initials have them."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: camel(inner) for name, inner in value.items()}
    return value


def as_text(policy):
    return policy if isinstance(policy, str) else json.dumps(policy)


class Made:
    """A resource: what `Ref` and `Fn::GetAtt` say of it."""

    def __init__(self, ref, **attributes):
        self.ref, self.attributes = ref, attributes


# EC2


def vpc(p, name):
    tag = {'Key': 'aws:cloudformation:stack-name', 'Value': name.rsplit('-', 1)[0]}  # CloudFormation's own
    made = api('ec2').create_vpc(CidrBlock=p['CidrBlock'], TagSpecifications=[{'ResourceType': 'vpc', 'Tags': [tag]}])['Vpc']['VpcId']
    for name in ('EnableDnsHostnames', 'EnableDnsSupport'):
        if name in p:
            api('ec2').modify_vpc_attribute(VpcId=made, **{name: {'Value': p[name]}})
    return Made(made, VpcId=made)


def subnet(p):
    made = api('ec2').create_subnet(
        VpcId=p['VpcId'], CidrBlock=p['CidrBlock'], AvailabilityZone=p['AvailabilityZone'])['Subnet']['SubnetId']
    return Made(made, SubnetId=made)


def route_table(p):
    made = api('ec2').create_route_table(VpcId=p['VpcId'])['RouteTable']['RouteTableId']
    return Made(made, RouteTableId=made)


def association(p):
    return Made(api('ec2').associate_route_table(RouteTableId=p['RouteTableId'], SubnetId=p['SubnetId'])['AssociationId'])


def permission_of(rule):
    one = {'IpProtocol': rule['IpProtocol'], 'FromPort': rule['FromPort'], 'ToPort': rule['ToPort']}
    if 'CidrIp' in rule:
        one['IpRanges'] = [{'CidrIp': rule['CidrIp'], 'Description': rule['Description']}]
    group = rule.get('SourceSecurityGroupId') or rule.get('DestinationSecurityGroupId')
    if group:
        one['UserIdGroupPairs'] = [{'GroupId': group, 'Description': rule['Description']}]
    if 'DestinationPrefixListId' in rule:
        one['PrefixListIds'] = [{'PrefixListId': rule['DestinationPrefixListId']}]
    return [one]


def ingress(p):
    api('ec2').authorize_security_group_ingress(GroupId=p['GroupId'], IpPermissions=permission_of(p))
    return Made('rule')


def egress(p):
    api('ec2').authorize_security_group_egress(GroupId=p['GroupId'], IpPermissions=permission_of(p))
    return Made('rule')


def security_group(p, name):
    made = api('ec2').create_security_group(GroupName=name, Description=p['GroupDescription'], VpcId=p['VpcId'])['GroupId']
    for rule in p.get('SecurityGroupIngress', []):
        ingress({**rule, 'GroupId': made})
    for rule in p.get('SecurityGroupEgress', []):
        egress({**rule, 'GroupId': made})
    return Made(made, GroupId=made, VpcId=p['VpcId'])


def vpc_endpoint(p):
    given = {key: p[key] for key in (
        'VpcEndpointType', 'VpcId', 'ServiceName', 'RouteTableIds', 'SubnetIds', 'SecurityGroupIds', 'PrivateDnsEnabled')
        if key in p}
    if 'PolicyDocument' in p:
        given['PolicyDocument'] = as_text(p['PolicyDocument'])
    made = api('ec2').create_vpc_endpoint(**given)['VpcEndpoint']
    dns = [f"{one.get('HostedZoneId', 'Z1')}:{one['DnsName']}" for one in made.get('DnsEntries') or []]
    return Made(made['VpcEndpointId'], DnsEntries=dns or [f"Z1:{made['VpcEndpointId']}.example"])


def flow_log(p):
    made = api('ec2').create_flow_logs(
        ResourceIds=[p['ResourceId']], ResourceType=p['ResourceType'], TrafficType=p['TrafficType'],
        LogDestinationType=p['LogDestinationType'], LogGroupName=p['LogGroupName'],
        DeliverLogsPermissionArn=p['DeliverLogsPermissionArn'])
    assert not made.get('Unsuccessful'), made['Unsuccessful']
    return Made(made['FlowLogIds'][0])


# IAM, Lambda, logs


def role(p, name):
    made = api('iam').create_role(RoleName=name, AssumeRolePolicyDocument=as_text(p['AssumeRolePolicyDocument']))['Role']
    for arn in p.get('ManagedPolicyArns', []):
        api('iam').attach_role_policy(RoleName=name, PolicyArn=arn)
    return Made(name, Arn=made['Arn'])


def policy(p):
    for one in p['Roles']:
        api('iam').put_role_policy(RoleName=one, PolicyName=p['PolicyName'], PolicyDocument=as_text(p['PolicyDocument']))
    return Made(p['PolicyName'])


def managed_policy(p, name):
    made = api('iam').create_policy(PolicyName=p.get('ManagedPolicyName', name), PolicyDocument=as_text(p['PolicyDocument']))
    return Made(made['Policy']['Arn'], PolicyArn=made['Policy']['Arn'])


def function(p):
    given = {key: value for key, value in p.items() if key not in ('ReservedConcurrentExecutions', 'Tags')}
    made = api('lambda').create_function(**given)
    if 'ReservedConcurrentExecutions' in p:
        api('lambda').put_function_concurrency(
            FunctionName=p['FunctionName'], ReservedConcurrentExecutions=p['ReservedConcurrentExecutions'])
    return Made(p['FunctionName'], Arn=made['FunctionArn'])


def permission(p, name):
    api('lambda').add_permission(StatementId=name, **p)
    return Made(name)


def invoke_config(p):
    api('lambda').put_function_event_invoke_config(**p)
    return Made('config')


def log_group(p, name):
    given = {'kmsKeyId': p['KmsKeyId']} if 'KmsKeyId' in p else {}
    name = p.get('LogGroupName', name)
    api('logs').create_log_group(logGroupName=name, **given)
    api('logs').put_retention_policy(logGroupName=name, retentionInDays=p['RetentionInDays'])
    return Made(name, Arn=f'arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*')


def metric_filter(p, name):
    api('logs').put_metric_filter(
        filterName=name, logGroupName=p['LogGroupName'], filterPattern=p['FilterPattern'],
        metricTransformations=camel(p['MetricTransformations']))
    return Made(name)


# Secrets, S3, SNS, SQS, EventBridge


def secret(p, name):
    how = p['GenerateSecretString']
    password = api('secretsmanager').get_random_password(
        PasswordLength=how['PasswordLength'], ExcludePunctuation=how['ExcludePunctuation'])['RandomPassword']
    value = {**json.loads(how['SecretStringTemplate']), how['GenerateStringKey']: password}
    made = api('secretsmanager').create_secret(Name=name, Description=p['Description'], SecretString=json.dumps(value))
    return Made(made['ARN'], Id=made['ARN'])


def bucket(p, name):
    name = p.get('BucketName', name.lower())
    s3 = api('s3')
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={'LocationConstraint': REGION})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=p['PublicAccessBlockConfiguration'])
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=p['VersioningConfiguration'])
    rules = [{
        'ApplyServerSideEncryptionByDefault': rule['ServerSideEncryptionByDefault']}
        for rule in p['BucketEncryption']['ServerSideEncryptionConfiguration']]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={'Rules': rules})
    lifecycle = []
    for rule in p['LifecycleConfiguration']['Rules']:
        one = {'Status': rule['Status'], 'Filter': {'Prefix': rule.get('Prefix', '')}}
        if 'NoncurrentVersionExpiration' in rule:
            one['NoncurrentVersionExpiration'] = rule['NoncurrentVersionExpiration']
        if 'ExpirationInDays' in rule:
            one['Expiration'] = {'Days': rule['ExpirationInDays']}
        elif rule.get('ExpiredObjectDeleteMarker'):
            one['Expiration'] = {'ExpiredObjectDeleteMarker': True}
        lifecycle.append(one)
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={'Rules': lifecycle})
    return Made(name, Arn=f'arn:aws:s3:::{name}')


def bucket_policy(p):
    api('s3').put_bucket_policy(Bucket=p['Bucket'], Policy=as_text(p['PolicyDocument']))
    return Made(p['Bucket'])


def topic(p, name):
    given = {'KmsMasterKeyId': p['KmsMasterKeyId']} if 'KmsMasterKeyId' in p else {}
    made = api('sns').create_topic(Name=name, Attributes=given)['TopicArn']
    return Made(made, TopicName=name, TopicArn=made)


def topic_policy(p):
    for one in p['Topics']:
        api('sns').set_topic_attributes(
            TopicArn=one, AttributeName='Policy', AttributeValue=as_text(p['PolicyDocument']))
    return Made('policy')


def subscription(p):
    return Made(api('sns').subscribe(TopicArn=p['TopicArn'], Protocol=p['Protocol'], Endpoint=p['Endpoint'])['SubscriptionArn'])


def queue(p, name):
    given = {key: str(p[key]).lower() for key in ('MessageRetentionPeriod', 'SqsManagedSseEnabled') if key in p}
    if 'KmsMasterKeyId' in p:
        given['KmsMasterKeyId'] = p['KmsMasterKeyId']
    url = api('sqs').create_queue(QueueName=name, Attributes=given)['QueueUrl']
    return Made(url, Arn=f'arn:aws:sqs:{REGION}:{ACCOUNT}:{name}', QueueName=name, QueueUrl=url)


def queue_policy(p):
    for url in p['Queues']:
        api('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': as_text(p['PolicyDocument'])})
    return Made('policy')


def bus(p):
    made = api('events').create_event_bus(Name=p['Name'])
    return Made(p['Name'], Arn=made['EventBusArn'], Name=p['Name'])


def rule(p, name):
    made = api('events').put_rule(
        Name=name, EventBusName=p['EventBusName'], Description=p['Description'],
        EventPattern=as_text(p['EventPattern']), State=p['State'])
    targets = api('events').put_targets(Rule=name, EventBusName=p['EventBusName'], Targets=p['Targets'])
    assert targets['FailedEntryCount'] == 0, targets
    return Made(name, Arn=made['RuleArn'])


def schedule(p, name):
    made = api('scheduler').create_schedule(Name=name, **p)
    return Made(name, Arn=made['ScheduleArn'])


# API Gateway, CloudWatch, Amazon MQ


def http_api(p):
    made = api('apigatewayv2').create_api(Name=p['Name'], ProtocolType=p['ProtocolType'], Description=p['Description'])
    return Made(made['ApiId'], ApiId=made['ApiId'], ApiEndpoint=made['ApiEndpoint'])


def integration(p):
    return Made(api('apigatewayv2').create_integration(**p)['IntegrationId'])


def route(p):
    return Made(api('apigatewayv2').create_route(**p)['RouteId'])


def stage(p):
    return Made(api('apigatewayv2').create_stage(**{key: value for key, value in p.items() if key != 'Tags'})['StageName'])


def alarm(p):
    if 'Metrics' in p:
        for one in p['Metrics']:
            assert ('Expression' in one) != ('MetricStat' in one), one
    api('cloudwatch').put_metric_alarm(**{key: value for key, value in p.items() if key != 'Tags'})
    return Made(p['AlarmName'], Arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{p['AlarmName']}")


def dashboard(p, name):
    json.loads(p['DashboardBody'])
    name = p.get('DashboardName', name)
    told = api('cloudwatch').put_dashboard(DashboardName=name, DashboardBody=p['DashboardBody'])
    assert not told.get('DashboardValidationMessages'), told
    return Made(name)


def configuration(p):
    mq = api('mq')
    made = mq.create_configuration(Name=p['Name'], EngineType=p['EngineType'], EngineVersion=p['EngineVersion'])
    revision = mq.update_configuration(ConfigurationId=made['Id'], Data=p['Data'])['LatestRevision']['Revision']
    return Made(made['Id'], Id=made['Id'], Arn=made['Arn'], Revision=str(revision))


def broker(p):
    given = {key: value for key, value in p.items() if key != 'Tags'}
    if 'Configuration' in given:
        given['Configuration'] = {**given['Configuration'], 'Revision': int(given['Configuration']['Revision'])}
    made = api('mq').create_broker(**given)
    told = api('mq').describe_broker(BrokerId=made['BrokerId'])
    endpoints = [one for instance in told['BrokerInstances'] for one in instance['Endpoints'] if one.startswith('amqp')]
    return Made(made['BrokerId'], Arn=made['BrokerArn'], AmqpEndpoints=endpoints)


def parameter(p, name):
    name = p.get('Name', name)
    api('ssm').put_parameter(Name=name, Value=p['Value'], Type=p['Type'])
    return Made(name)


def custom(p):
    return Made('custom', **p)  # its function is called by who runs this


MAKERS = {
    'AWS::EC2::VPC': vpc, 'AWS::EC2::Subnet': subnet, 'AWS::EC2::RouteTable': route_table,
    'AWS::EC2::SubnetRouteTableAssociation': association, 'AWS::EC2::SecurityGroup': security_group,
    'AWS::EC2::SecurityGroupIngress': ingress, 'AWS::EC2::SecurityGroupEgress': egress,
    'AWS::EC2::VPCEndpoint': vpc_endpoint, 'AWS::EC2::FlowLog': flow_log, 'AWS::IAM::Role': role,
    'AWS::IAM::Policy': policy, 'AWS::IAM::ManagedPolicy': managed_policy, 'AWS::Lambda::Function': function,
    'AWS::Lambda::Permission': permission, 'AWS::Lambda::EventInvokeConfig': invoke_config,
    'AWS::Logs::LogGroup': log_group, 'AWS::Logs::MetricFilter': metric_filter,
    'AWS::SecretsManager::Secret': secret, 'AWS::S3::Bucket': bucket, 'AWS::S3::BucketPolicy': bucket_policy,
    'AWS::SNS::Topic': topic, 'AWS::SNS::TopicPolicy': topic_policy, 'AWS::SNS::Subscription': subscription,
    'AWS::SQS::Queue': queue, 'AWS::SQS::QueuePolicy': queue_policy, 'AWS::Events::EventBus': bus,
    'AWS::Events::Rule': rule, 'AWS::Scheduler::Schedule': schedule, 'AWS::ApiGatewayV2::Api': http_api,
    'AWS::ApiGatewayV2::Integration': integration, 'AWS::ApiGatewayV2::Route': route,
    'AWS::ApiGatewayV2::Stage': stage, 'AWS::CloudWatch::Alarm': alarm, 'AWS::CloudWatch::Dashboard': dashboard,
    'AWS::AmazonMQ::Configuration': configuration, 'AWS::AmazonMQ::Broker': broker, 'AWS::SSM::Parameter': parameter,
    'Custom::BrokerUser': custom,
}


class Stack:
    def __init__(self, name, template, exports):
        self.name, self.resources, self.exports, self.made = name, template['Resources'], exports, {}
        self.outputs = template.get('Outputs', {})
        self.id = f'arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/01234567-89ab-cdef-0123-456789abcdef'

    def get(self, name, attribute=None):
        if name == 'AWS::StackName':
            return self.name
        if name == 'AWS::StackId':
            return self.id
        if name in PSEUDO:
            return PSEUDO[name]
        self.make(name)
        return self.made[name].ref if attribute is None else self.made[name].attributes[attribute]

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not None]
        if isinstance(value, str):
            return re.sub(r'\{\{resolve:secretsmanager:(.+?):SecretString:(\w+)::\}\}', self.secret, value)
        if not isinstance(value, dict):
            return value
        (name, inner), *more = list(value.items()) or [('', None)]
        if not more and name == 'Ref':
            return self.get(inner)
        if not more and name == 'Fn::GetAtt':
            return self.get(*inner)
        if not more and name == 'Fn::ImportValue':
            return self.exports[self.resolve(inner)]
        if not more and name.startswith('Fn::'):
            return self.compute(name[4:], inner)
        return {key: known for key, one in value.items() if (known := self.resolve(one)) is not None}

    def compute(self, name, inner):
        if name == 'Sub':
            text, own = inner if isinstance(inner, list) else (inner, {})
            known = lambda found: str(self.resolve(own[found[1]]) if found[1] in own else self.get(*found[1].split('.')))
            return re.sub(r'\$\{([\w:.]+)\}', known, text)
        arguments = self.resolve(inner)
        if name == 'Join':
            return self.resolve(arguments[0].join(map(str, arguments[1])))
        if name == 'Select':
            return arguments[1][int(arguments[0])]
        if name == 'Split':
            return arguments[1].split(arguments[0])
        if name == 'GetAZs':
            return [f'{REGION}{zone}' for zone in 'abc']
        raise ValueError(f'Fn::{name} is not known')

    def secret(self, found):
        return json.loads(api('secretsmanager').get_secret_value(SecretId=found[1])['SecretString'])[found[2]]

    def make(self, name):
        if name in self.made:
            return
        resource = self.resources[name]
        after = resource.get('DependsOn', [])
        for one in [after] if isinstance(after, str) else after:
            self.make(one)
        properties = self.resolve(resource.get('Properties', {}))
        maker = MAKERS[resource['Type']]
        try:
            wants_name = maker.__code__.co_argcount == 2
            self.made[name] = maker(properties, f'{self.name}-{name}') if wants_name else maker(properties)
        except Exception as error:
            raise SystemExit(f'{self.name}: {name} ({resource["Type"]}): {error}\n{json.dumps(properties)[:2000]}') from error


def upload(folder, bucket_name, stack):
    """The functions' code, as `cdk deploy` uploads it."""
    with open(f'{folder}/{stack}.assets.json') as file:
        files = json.load(file)['files']
    for one in files.values():
        source, [destination] = one['source'], one['destinations'].values()
        if source['packaging'] != 'zip':
            continue
        archive = io.BytesIO()
        path = f"{folder}/{source['path']}"
        with zipfile.ZipFile(archive, 'w') as zipped:
            for name in os.listdir(path):
                zipped.write(f'{path}/{name}', name)
        api('s3').put_object(Bucket=bucket_name, Key=destination['objectKey'], Body=archive.getvalue())


def tell(stack, outputs):
    """CloudFormation has the outputs of a stack that was not made by it. API Gateway's URL is that of who runs this."""
    told = {**outputs, **({'Url': os.environ['API_URL']} if 'Url' in outputs else {})}
    template = {
        'Resources': {'None': {'Type': 'AWS::CloudFormation::WaitConditionHandle'}},
        'Outputs': {name: {'Value': value} for name, value in told.items()},
    }
    api('cloudformation').create_stack(StackName=stack, TemplateBody=json.dumps(template))


def main(folder, *stacks):
    exports, told = {}, {'made': {}, 'users': [], 'outputs': {}, 'subnets': []}
    for name in stacks:
        with open(f'{folder}/{name}.template.json') as file:
            stack = Stack(name, json.load(file), exports)
        upload(folder, f'cdk-hnb659fds-assets-{ACCOUNT}-{REGION}', name)
        for resource in stack.resources:
            stack.make(resource)
        outputs = {}
        for output, one in stack.outputs.items():
            outputs[output] = stack.resolve(one['Value'])
            if 'Export' in one:
                exports[stack.resolve(one['Export']['Name'])] = outputs[output]
        tell(name, outputs)
        told['outputs'].update(outputs)
        told['subnets'] += [
            stack.get(one) for one, resource in stack.resources.items() if resource['Type'] == 'AWS::EC2::Subnet']
        told['made'][name] = len(stack.made)
        for one in stack.made.values():
            if 'UserSecretId' in one.attributes:
                told['users'].append(one.attributes)
    print(json.dumps(told))


main(*sys.argv[1:])
