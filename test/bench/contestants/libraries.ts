import * as core from '@middy/core';
import * as errorHandler from '@middy/http-error-handler';
import * as amqplib from 'amqplib';

export const libraries = [amqplib, core, errorHandler];
